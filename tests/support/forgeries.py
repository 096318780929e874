"""Tokens that must never be accepted, each by its name; and the signer that makes them.

``forgeries(signer, app_id, now_s)`` is a table for any verifier that trusts ``signer``'s key for ``app_id``: the
adapter's unit tests read it, and so may a test that sends each to the HTTP route. Over HTTP, those longer than 64 KiB
are answered 413 by the limit of the body; all others are 401.
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ADA = "did:privy:cm3np4u9j001rc8b73seqmqqk"
EVE = "did:privy:cm3np4u9j001rc8b73seqeve0"
DROP = object()
"""As the value of a claim or a header's member: leave it out."""


def b64(raw) -> str:
    return base64.urlsafe_b64encode(raw if isinstance(raw, bytes) else raw.encode()).rstrip(b"=").decode()


def compact(value) -> str:
    return json.dumps(value, separators=(",", ":"))


class Signer:
    """Makes tokens as Privy would, and as Privy never would; ``kid`` None leaves it out of the header."""

    def __init__(self, key=None, kid="the-key"):
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.kid = kid

    @classmethod
    def of_dev_issuer(cls, state_dir):
        """The signer of a service that runs with ``--dev`` on ``state_dir``: the key that it trusts, to forge with."""
        pem = (Path(state_dir) / "dev-issuer-key.pem").read_bytes()
        return cls(load_pem_private_key(pem, password=None), kid=None)

    @property
    def public_pem(self) -> str:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def jwk(self, **changes) -> dict:
        numbers = self.key.public_key().public_numbers()
        x, y = (b64(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
        whole = {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.kid, "use": "sig", "alg": "ES256"} | changes
        return {name: value for name, value in whole.items() if value is not DROP}

    def jwks(self, *others) -> bytes:
        return compact({"keys": [self.jwk(), *(other.jwk() for other in others)]}).encode()

    def header(self, **changes) -> str:
        whole = {"alg": "ES256", "typ": "JWT", "kid": self.kid or DROP} | changes
        return compact({name: value for name, value in whole.items() if value is not DROP})

    def numbers(self, signed: str) -> tuple[int, int]:
        return decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))

    def seal(self, head, body) -> str:
        """A token of this header and payload (text or bytes, whatever they say) with a good signature."""
        return self.seal_segments(b64(head), b64(body))

    def seal_segments(self, head: str, body: str) -> str:
        r, s = self.numbers(f"{head}.{body}")
        return f"{head}.{body}.{b64(raw_signature(r, s))}"

    def token(self, claims: dict, **header) -> str:
        return self.seal(self.header(**header), compact(claims))


def raw_signature(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def access_claims(app_id, now_s, **changes) -> dict:
    now_s = int(now_s)
    whole = {
        "sid": "cm3np4u9j001rc8b73seq0001",
        "iss": "privy.io",
        "iat": now_s,
        "aud": app_id,
        "sub": ADA,
        "exp": now_s + 3600,
    } | changes
    return {name: value for name, value in whole.items() if value is not DROP}


def identity_claims(app_id, now_s, **changes) -> dict:
    accounts = compact([{"type": "email", "address": "ada@example.com", "lv": int(now_s)}])
    whole = {"cr": str(int(now_s)), "linked_accounts": accounts} | access_claims(app_id, now_s, sid=DROP) | changes
    return {name: value for name, value in whole.items() if value is not DROP}


def good_access_tokens(signer, app_id, now_s):
    """``(name, token)`` of access tokens that must be accepted: what is legal, however rare."""
    claims = access_claims(app_id, now_s)
    yield "as Privy makes it", signer.token(claims)
    yield "audience as a list of one", signer.token(access_claims(app_id, now_s, aud=[app_id]))
    yield "issuer's clock 29 s ahead", signer.token(access_claims(app_id, now_s, iat=int(now_s) + 29))
    yield "nbf 29 s ahead", signer.token(access_claims(app_id, now_s, nbf=int(now_s) + 29))
    yield "one second left", signer.token(access_claims(app_id, now_s, exp=int(now_s) + 1))
    yield "iat left out", signer.token(access_claims(app_id, now_s, iat=DROP))
    yield "JSON with blanks", signer.seal(json.dumps(json.loads(signer.header())), json.dumps(claims))
    yield "an unknown claim and header member", signer.token({**claims, "org": [1, {"a": None}]}, cty="JWT")
    yield "a subject of 128 characters", signer.token({**claims, "sub": "did:privy:" + "a" * 128})
    head, body = b64(signer.header()), b64(compact(claims))
    r, s = signer.numbers(f"{head}.{body}")
    for name, number in (("low s", min(s, ORDER - s)), ("high s", max(s, ORDER - s))):
        yield name, f"{head}.{body}.{b64(raw_signature(r, number))}"


def forgeries(signer, app_id, now_s):
    """``(name, token)`` of tokens that must be refused as access tokens, whatever they try."""
    yield from _signatures(signer, app_id, now_s)
    yield from _headers(signer, app_id, now_s)
    yield from _shapes(signer, app_id, now_s)
    yield from _claims(signer, app_id, now_s)
    yield "identity token as access token", signer.token(identity_claims(app_id, now_s))


def identity_forgeries(signer, app_id, now_s):
    """``(name, token)`` of tokens that must be refused as identity tokens."""
    yield from _signatures(signer, app_id, now_s)
    yield from _headers(signer, app_id, now_s)
    yield "access token as identity token", signer.token(access_claims(app_id, now_s))
    for name, value in (
        ("missing", DROP), ("null", None), ("a number", 1), ("an object", {"type": "email"}), ("no JSON", "[{"),
        ("a string that spells an object", "{}"), ("a string that spells a string", '"[]"'), ("empty", ""),
        ("NaN within", '[{"type":"email","lv":NaN}]'), ("a name twice", '[{"type":"email","type":"wallet"}]'),
        ("nested too deep", "[" * 3000 + "]" * 3000),
    ):  # fmt: skip
        yield f"linked accounts {name}", signer.token(identity_claims(app_id, now_s, linked_accounts=value))
    for name, changes in _wrong_claims(app_id, now_s):
        if not name.startswith("session"):
            yield name, signer.token(identity_claims(app_id, now_s, **changes))
    yield "17 KiB", signer.token(identity_claims(app_id, now_s, pad="x" * 13000))


def _signatures(signer, app_id, now_s):
    claims = access_claims(app_id, now_s)
    good = signer.token(claims)
    head, body, tail = good.split(".")
    stranger = Signer(kid=signer.kid)
    evil = b64(compact(access_claims(app_id, now_s, sub=EVE)))
    r, s = signer.numbers(f"{head}.{body}")
    yield "foreign key", stranger.token(claims)
    yield "foreign key without a name", Signer(kid=None).token(claims)
    yield "swapped payload", f"{head}.{evil}.{tail}"
    yield "swapped header", f"{b64(signer.header(cty='x'))}.{body}.{tail}"
    yield "signature of another token", f"{head}.{body}.{signer.token({**claims, 'sub': EVE}).split('.')[2]}"
    yield "no signature", f"{head}.{body}."
    yield "one bit of the signature", f"{head}.{body}.{b64(raw_signature(r ^ 1, s))}"
    yield "r and s swapped", f"{head}.{body}.{b64(raw_signature(s, r))}"
    for name, one, two in (
        ("zero signature", 0, 0), ("r is zero", 0, s), ("s is zero", r, 0), ("r is one and s is one", 1, 1),
        ("r is the order", ORDER, s), ("s is the order", r, ORDER), ("both are the order", ORDER, ORDER),
        ("all ones", 2**256 - 1, 2**256 - 1), ("r is above the order", ORDER + 1, s),
        ("s is above the order", r, ORDER + 5),
    ):  # fmt: skip
        yield name, f"{head}.{body}.{b64(raw_signature(one, two))}"
    der = encode_dss_signature(r, s)
    yield "DER signature", f"{head}.{body}.{b64(der)}"
    yield "DER signature cut to 64 bytes", f"{head}.{body}.{b64(der[:64])}"
    yield "signature of 63 bytes", f"{head}.{body}.{b64(raw_signature(r, s)[:-1])}"
    yield "signature of 65 bytes", f"{head}.{body}.{b64(raw_signature(r, s) + bytes(1))}"
    padded = r.to_bytes(32, "big") + bytes(1) + s.to_bytes(32, "big")
    yield "signature of 65 bytes, a zero before s", f"{head}.{body}.{b64(padded)}"
    yield "signature with a zero in front", f"{head}.{body}.{b64(bytes(1) + raw_signature(r, s)[:63])}"
    yield "signature of 96 bytes, as of P-384", f"{head}.{body}.{b64(raw_signature(r, s) + bytes(32))}"
    larger = ec.generate_private_key(ec.SECP384R1())
    signed = f"{b64(signer.header(alg='ES384'))}.{body}"
    one, two = decode_dss_signature(larger.sign(signed.encode(), ec.ECDSA(hashes.SHA384())))
    yield "ES384 by a key of its own", f"{signed}.{b64(one.to_bytes(48, 'big') + two.to_bytes(48, 'big'))}"


def _headers(signer, app_id, now_s):
    claims = access_claims(app_id, now_s)
    body = b64(compact(claims))
    stranger = Signer(kid=signer.kid)
    for name in ("none", "None", "NONE"):
        yield f"algorithm {name}", f"{b64(signer.header(alg=name))}.{body}."
    yield "algorithm none with a good signature", signer.token(claims, alg="none")
    for name, secret in (("PEM", signer.public_pem), ("PEM without its last line end", signer.public_pem.strip())):
        signed = f"{b64(signer.header(alg='HS256'))}.{body}"
        yield f"HS256 with the {name}", f"{signed}.{b64(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"
    signed = f"{b64(signer.header(alg='RS256'))}.{body}"
    rsa_key = rsa.generate_private_key(65537, 2048)
    yield "RS256", f"{signed}.{b64(rsa_key.sign(signed.encode(), PKCS1v15(), hashes.SHA256()))}"
    for name, algorithm in (
        ("in lower case", "es256"), ("ES384 in name only", "ES384"), ("ES256K", "ES256K"), ("with a blank", "ES256 "),
        ("as a list", ["ES256"]), ("as null", None), ("as a number", 256), ("empty", ""), ("missing", DROP),
        ("with a NUL", "ES256\x00"), ("in full-width letters", "\uff25\uff33256"),
    ):  # fmt: skip
        yield f"algorithm {name}", signer.token(claims, alg=algorithm)
    for name, typ in (
        ("missing", DROP), ("null", None), ("in lower case", "jwt"), ("at+jwt", "at+jwt"), ("a list", ["JWT"]),
        ("JWE", "JWE"), ("empty", ""),
    ):  # fmt: skip
        yield f"type {name}", signer.token(claims, typ=typ)
    for name, kid in (
        ("null", None), ("empty", ""), ("a number", 7), ("a list", [signer.kid]), ("an object", {"a": 1}),
        ("of 129 characters", "k" * 129), ("true", True),
    ):  # fmt: skip
        yield f"kid {name}", signer.token(claims, kid=kid)
    for name, kid in (
        ("path", "../../../../dev/null"), ("absolute path", "/dev/null"), ("SQL", "x' UNION SELECT 'AA'--"),
        ("command", "key|/usr/bin/id"), ("address", "http://127.0.0.1:1/key"), ("unknown", "no-such-key"),
        ("with a NUL", f"{signer.kid}\x00"), ("with a line end", "a\r\nX-Admin: 1"),
    ):  # fmt: skip
        yield f"kid {name}, foreign key", stranger.token(claims, kid=kid)
    yield "jwk in the header", stranger.token(claims, jwk=stranger.jwk())
    yield "jwk in the header, good key", signer.token(claims, jwk=signer.jwk())
    yield "jku in the header", stranger.token(claims, jku="http://127.0.0.1:1/jwks.json")
    yield "jku in the header, good key", signer.token(claims, jku="https://auth.privy.io/jwks.json")
    yield "x5u in the header", signer.token(claims, x5u="http://127.0.0.1:1/cert.pem")
    yield "x5c in the header", signer.token(claims, x5c=["MIIB"])
    yield "x5t in the header", signer.token(claims, x5t="AAAA")
    yield "crit", signer.token(claims, crit=["exp"])
    yield "crit empty", signer.token(claims, crit=[])
    yield "crit null", signer.token(claims, crit=None)
    yield "payload unencoded (b64 false)", signer.token(claims, b64=False, crit=["b64"])
    yield "b64 false without crit", signer.token(claims, b64=False)
    yield "compressed", signer.token(claims, zip="DEF")
    good = signer.header()
    for name, head in (
        ("empty", ""), ("empty object", "{}"), ("a list", f"[{good}]"), ("a string", '"ES256"'), ("null", "null"),
        ("algorithm twice", good[:-1] + ',"alg":"ES256"}'), ("none, then ES256", '{"alg":"none",' + good[1:]),
        ("a name twice within", good[:-1] + ',"a":{"b":1,"b":2}}'), ("a comma too much", good[:-1] + ",}"),
        ("NaN", good[:-1] + ',"a":NaN}'), ("rest behind", good + "{}"), ("single quotes", good.replace('"', "'")),
        ("NUL behind", good + "\x00"), ("byte order mark", "\ufeff" + good), ("UTF-16", good.encode("utf-16")),
        ("bytes that are no UTF-8", good[:-1].encode() + b',"a":"\xff"}'),
        ("lone surrogate", good[:-1] + r',"a":"\ud800"}'),
        ("a thousand members", compact(json.loads(good) | {f"a{i}": i for i in range(100)} | {"z": "z" * 1000})),
        ("nested deep", good[:-1] + ',"a":' + "[" * 300 + "]" * 300 + "}"),
    ):  # fmt: skip
        yield f"header {name}", signer.seal(head, compact(claims))


def _shapes(signer, app_id, now_s):
    claims = access_claims(app_id, now_s)
    good = signer.token(claims)
    head, body, tail = good.split(".")
    yield "empty", ""
    yield "a blank", " "
    yield "dots alone", ".."
    yield "four dots alone", "...."
    yield "one part", head
    yield "two parts", f"{head}.{body}"
    yield "four parts", f"{good}.{tail}"
    yield "five parts, as a JWE has", f"{head}.{tail}.{tail}.{body}.{tail}"
    yield "a dot behind", f"{good}."
    yield "a dot in front", f".{good}"
    yield "truncated by one", good[:-1]
    yield "truncated by half", good[: len(good) // 2]
    yield "one letter more", f"{good}A"
    yield "first letter lost", good[1:]
    yield "padding", f"{good}=="
    yield "padded parts", f"{head}==.{body}==.{tail}=="
    yield "padding in the payload, signed", signer.seal_segments(head, body + "=" * (-len(body) % 4 or 4))
    yield "blank behind", f"{good} "
    yield "blank in front", f" {good}"
    yield "line end behind", f"{good}\n"
    yield "line end in the payload, signed", signer.seal_segments(head, f"{body[:8]}\n{body[8:]}")
    yield "blank in the header, signed", signer.seal_segments(f"{head[:8]} {head[8:]}", body)
    yield "tabulator", good.replace(".", ".\t")
    yield "NUL behind", f"{good}\x00"
    yield "NUL within", f"{head}.\x00{body}.{tail}"
    yield "Bearer in front", f"Bearer {good}"
    yield "quoted", f'"{good}"'
    other = b64(compact(claims | {"pad": "~~~???>>>"})).replace("-", "+").replace("_", "/")
    yield "the other base64, signed", signer.seal_segments(head, other)
    yield "full-width dot", good.replace(".", "\uff0e")
    yield "Cyrillic letter", good.replace("e", "\u0435", 1)
    yield "combining mark", f"{head}\u0301.{body}.{tail}"
    yield "zero-width blank", f"{head}.{body}\u200b.{tail}"
    yield "lone surrogate", f"{head}.{body}.{tail[:-1]}\ud800"
    yield "other spelling of the signature", f"{head}.{body}.{tail[:-1]}{_sibling(tail[-1])}"
    payload = compact(claims)
    while len(payload) % 3 == 0:
        payload = payload[:-1] + " }"
    spelt = b64(payload)
    yield "other spelling of the payload, signed", signer.seal_segments(head, spelt[:-1] + _sibling(spelt[-1]))
    yield "all parts the same", f"{head}.{head}.{head}"
    yield "JSON in place of a token", compact({"protected": head, "payload": body, "signature": tail})
    yield "8 KiB of letters", "A" * 8192
    yield "8 KiB, well-formed and signed", signer.token(claims | {"pad": "x" * 6000})
    yield "8 KiB of dots", "." * 8192
    yield "64 KiB, well-formed and signed", signer.token(claims | {"pad": "x" * 49152})
    yield "64 KiB of a header", f"{'A' * 65536}.{body}.{tail}"


def _sibling(letter: str) -> str:
    """The next letter: it differs in bits that no byte is made of, so that a lax reader reads the same."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(letter) + 1]


def _wrong_claims(app_id, now_s):
    now_s = int(now_s)
    later = now_s + 3600
    yield from (
        ("expired an hour ago", {"exp": now_s - 3600}),
        ("expired a second ago", {"exp": now_s - 1}),
        ("expires now", {"exp": now_s}),
        ("expiry missing", {"exp": DROP}),
        ("expiry null", {"exp": None}),
        ("expiry a string", {"exp": str(later)}),
        ("expiry true", {"exp": True}),
        ("expiry negative", {"exp": -1}),
        ("expiry zero", {"exp": 0}),
        ("expiry a fraction", {"exp": later + 0.5}),
        ("expiry in milliseconds of another age", {"exp": 2**53}),
        ("expiry endless", {"exp": 10**40}),
        ("expiry a list", {"exp": [later]}),
        ("issued ten minutes from now", {"iat": now_s + 600}),
        ("issued next year", {"iat": now_s + 31536000}),
        ("issued at a string", {"iat": str(now_s)}),
        ("issued at true", {"iat": True}),
        ("issued at null", {"iat": None}),
        ("not before ten minutes from now", {"nbf": now_s + 600}),
        ("not before a string", {"nbf": "0"}),
        ("other app", {"aud": "another-app"}),
        ("app missing", {"aud": DROP}),
        ("app null", {"aud": None}),
        ("app in capitals", {"aud": app_id.upper()}),
        ("app with a blank", {"aud": f"{app_id} "}),
        ("app one of two", {"aud": [app_id, "another-app"]}),
        ("app twice", {"aud": [app_id, app_id]}),
        ("app in a list in a list", {"aud": [[app_id]]}),
        ("app in an object", {"aud": {app_id: True}}),
        ("no app in a list", {"aud": []}),
        ("issuer missing", {"iss": DROP}),
        ("issuer another", {"iss": "evil.example"}),
        ("issuer with a scheme", {"iss": "https://privy.io"}),
        ("issuer with a dot", {"iss": "privy.io."}),
        ("issuer in capitals", {"iss": "PRIVY.IO"}),
        ("issuer a list", {"iss": ["privy.io"]}),
        ("issuer of a subdomain", {"iss": "auth.privy.io"}),
        ("subject missing", {"sub": DROP}),
        ("subject null", {"sub": None}),
        ("subject no Privy id", {"sub": "did:key:z6Mk"}),
        ("subject without its scheme", {"sub": "cm3np4u9j001rc8b73seqmqqk"}),
        ("subject empty behind its scheme", {"sub": "did:privy:"}),
        ("subject with a NUL", {"sub": f"{ADA}\x00"}),
        ("subject with a line end", {"sub": f"{ADA}\n"}),
        ("subject of 129 characters", {"sub": "did:privy:" + "a" * 129}),
        ("subject in Cyrillic", {"sub": "did:privy:\u0430da"}),
        ("subject a pattern", {"sub": "did:privy:*"}),
        ("subject a list", {"sub": [ADA]}),
        ("session missing", {"sid": DROP}),
        ("session empty", {"sid": ""}),
        ("session null", {"sid": None}),
        ("session a number", {"sid": 1}),
        ("session of 257 characters", {"sid": "s" * 257}),
    )


def _claims(signer, app_id, now_s):
    for name, changes in _wrong_claims(app_id, now_s):
        yield name, signer.token(access_claims(app_id, now_s, **changes))
    good = compact(access_claims(app_id, now_s))
    head = signer.header()
    for name, body in (
        ("empty", ""), ("an empty object", "{}"), ("a list", f"[{good}]"), ("a string", "x"), ("null", "null"),
        ("subject twice", good[:-1] + f',"sub":"{EVE}"}}'), ("expiry twice", good[:-1] + ',"exp":99999999999}'),
        ("a name twice within", good[:-1] + ',"a":{"b":1,"b":2}}'), ("NaN", good[:-1] + ',"a":NaN}'),
        ("Infinity", good[:-1] + ',"a":-Infinity}'), ("a comma too much", good[:-1] + ",}"),
        ("rest behind", good + "x"),
        ("byte order mark", "\ufeff" + good), ("UTF-16", good.encode("utf-16")), ("a comment", "/* */" + good),
        ("bytes that are no UTF-8", good[:-1].encode() + b',"a":"\xff"}'),
        ("lone surrogate", good[:-1] + r',"a":"\ud800"}'),
        ("nested 800 deep", good[:-1] + ',"a":' + "[" * 700 + '{"a":' * 100 + "1" + "}" * 100 + "]" * 700 + "}"),
        ("a number of 3,000 digits", good[:-1] + ',"a":' + "9" * 2500 + "}"), ("unclosed", good[:-1]),
    ):  # fmt: skip
        yield f"payload {name}", signer.seal(head, body)
