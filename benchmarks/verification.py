"""What one verification of an access token costs, beside its signature alone, in the same run.

``python -m benchmarks.verification`` prints the rows; ``run()`` returns them. Microseconds of one core: the median of
batches that take turns, so that whatever else the machine does is shared evenly.
"""

import statistics
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.rows import Row
from gatewayz_auth.adapters.privy import jws
from gatewayz_auth.adapters.privy.dev_issuer import DevIssuer
from gatewayz_auth.adapters.privy.signing_keys import SigningKeys
from gatewayz_auth.adapters.privy.tokens import PrivyTokens
from gatewayz_auth.adapters.privy.verified_tokens import VerifiedTokens
from gatewayz_auth.domain.errors import TokenNotAccepted
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import SystemEntropy

ROUNDS = 60
BATCH = 50
_ES256 = ec.ECDSA(hashes.SHA256())


def _medians_us(calls):
    """The median cost in microseconds of each call; their batches take turns."""
    spent = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            begun = time.perf_counter_ns()
            for _ in range(BATCH):
                call()
            spent[name].append((time.perf_counter_ns() - begun) / BATCH / 1000)
    return {name: statistics.median(figures) for name, figures in spent.items()}


def run():
    """The rows: bare signature, access and identity tokens, a repeated token, a forged one."""
    entropy, now_s = SystemEntropy(), time.time()
    with tempfile.TemporaryDirectory() as folder:
        issuer = DevIssuer(Path(folder), entropy)
        keys = SigningKeys(
            pem=issuer.public_pem, jwks_url=None, state_dir=Path(folder), clock=SystemClock(), entropy=entropy
        )
    tokens = PrivyTokens(keys, issuer.app_id)
    remembered = VerifiedTokens(tokens, keys)
    issued = issuer.issue("did:privy:ada", [{"type": "email", "address": "ada@example.com"}], now_s)
    token, identity_token = str(issued["token"]), str(issued["identity_token"])
    signed, _, tail = token.rpartition(".")
    message, signature, key = signed.encode(), jws.der_signature(tail), keys.candidates(None)[0]
    forged = signed[:-8] + ("A" * 8) + "." + tail

    def refused():
        try:
            tokens.access(forged, now_s)
        except TokenNotAccepted:
            return
        raise AssertionError("a forged token was accepted")

    bare = "the signature alone"
    figures = _medians_us(
        {
            bare: lambda: key.verify(signature, message, _ES256),
            "access token verified": lambda: tokens.access(token, now_s),
            "identity token verified": lambda: tokens.identity(identity_token, now_s),
            "access token seen before": lambda: remembered.access(token, now_s),
            "forged access token refused": refused,
        }
    )
    return [
        Row(name, f"{us:.2f} µs", f"{bare}: {figures[bare]:.2f} µs", round(us / figures[bare], 3))
        for name, us in figures.items()
        if name != bare
    ]


def main():
    """Print the rows."""
    for row in run():
        print(f"{row.name:30} {row.figure:>10}   {row.ratio:6.3f} of {row.compared_to}")


if __name__ == "__main__":
    main()
