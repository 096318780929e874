"""Keys that are refreshed in the background, against a real HTTP server, with a clock that the test turns."""

import asyncio
import contextlib
import json

import pytest
from tests.support.forgeries import DROP, Signer, access_claims, b64, compact
from tests.support.key_server import KeyServer, answers, drips
from tests.support.manual_clock import ManualClock
from tests.support.seeded_entropy import SeededEntropy

from gatewayz_auth.adapters.privy.key_file import FILE_NAME, KeyFile
from gatewayz_auth.adapters.privy.signing_keys import RefreshLimits, SigningKeys
from gatewayz_auth.adapters.privy.tokens import PrivyTokens
from gatewayz_auth.domain.errors import NeighbourUnavailable, TokenNotAccepted

APP = "an-app"
NOW_S = 1763900000.0
OLD, NEW = Signer(kid="old"), Signer(kid="new")
QUICK = RefreshLimits(every_s=0.02, retry_s=0.01, max_retry_s=0.02, fetch_s=5)
RARELY = RefreshLimits(every_s=3600, retry_s=3600, max_retry_s=3600, fetch_s=5)


@pytest.fixture
def server():
    server = KeyServer(answers(OLD.jwks()))
    yield server
    server.stop()


@pytest.fixture
def clock():
    return ManualClock(utc_s=NOW_S)


@contextlib.asynccontextmanager
async def running(server, clock, folder, limits=RARELY, pem=None):
    keys = SigningKeys(
        pem=pem, jwks_url=server.url, state_dir=folder, clock=clock, entropy=SeededEntropy(), limits=limits
    )
    await keys.start()
    try:
        yield keys
    finally:
        await keys.close()


async def until(condition, limit_s=5.0):
    loop = asyncio.get_running_loop()
    give_up_at_s = loop.time() + limit_s
    while not condition():
        assert loop.time() < give_up_at_s, "it never came true"
        await asyncio.sleep(0.002)


def test_keys_arrive_in_the_background_and_prove_tokens(server, clock, tmp_path):
    async def scenario():
        async with running(server, clock, tmp_path) as keys:
            assert keys.known == 0
            await until(lambda: keys.known)
            assert (keys.generation, keys.last_refresh_at_s, keys.failing_since_s) == (1, NOW_S, None)
            PrivyTokens(keys, APP).access(OLD.token(access_claims(APP, NOW_S)), NOW_S)

    asyncio.run(scenario())
    assert server.paths == ["/jwks.json"]


def test_no_fetch_reads_certificates_while_people_are_served(server, clock, tmp_path, monkeypatch):
    async def scenario():
        async with running(server, clock, tmp_path, QUICK) as keys:
            monkeypatch.setattr("httpx.create_ssl_context", lambda *_, **__: pytest.fail("it holds the loop for 0.1 s"))
            monkeypatch.setattr("ssl.SSLContext.load_verify_locations", lambda *_, **__: pytest.fail("so does this"))
            await until(lambda: server.asked >= 3 or keys.failing_since_s is not None)
            assert keys.failure is None

    asyncio.run(scenario())


def test_a_rotation_is_noticed_without_a_restart_and_the_old_key_is_refused_afterwards(server, clock, tmp_path):
    async def scenario():
        async with running(server, clock, tmp_path, QUICK) as keys:
            tokens = PrivyTokens(keys, APP)
            await until(lambda: keys.known == 1)
            server.behave = answers(OLD.jwks(NEW))
            await until(lambda: keys.known == 2)
            for signer in (OLD, NEW):
                tokens.access(signer.token(access_claims(APP, NOW_S)), NOW_S)
            server.behave = answers(NEW.jwks())
            await until(lambda: keys.known == 1)
            assert keys.generation == 3
            with pytest.raises(TokenNotAccepted, match="unknown_key"):
                tokens.access(OLD.token(access_claims(APP, NOW_S)), NOW_S)

    asyncio.run(scenario())


def test_a_refresh_that_brings_the_same_keys_changes_no_generation(server, clock, tmp_path):
    async def scenario():
        async with running(server, clock, tmp_path, QUICK) as keys:
            await until(lambda: server.asked >= 4)
            assert keys.generation == 1

    asyncio.run(scenario())


BAD_ANSWERS = {
    "not found": answers(b"{}", 404),
    "a redirect": answers(OLD.jwks(), 302, location="/elsewhere"),
    "an error with keys": answers(NEW.jwks(), 500),
    "empty": answers(b""),
    "no JSON": answers(b"<html>maintenance</html>"),
    "no object": answers(b"[]"),
    "no keys": answers(b'{"keys":[]}'),
    "keys that are no list": answers(b'{"keys":{}}'),
    "keys twice": answers(NEW.jwks()[:-1] + b"," + OLD.jwks()[1:]),
    "another kind of key": answers(compact({"keys": [NEW.jwk(kty="RSA", n="AQAB", e="AQAB")]}).encode()),
    "another curve": answers(compact({"keys": [NEW.jwk(crv="P-384")]}).encode()),
    "a point off the curve": answers(compact({"keys": [NEW.jwk(y=b64(bytes(31) + b"\x07"))]}).encode()),
    "a good key and a broken one": answers(compact({"keys": [OLD.jwk(), NEW.jwk(x=b64(b"\x01" * 32))]}).encode()),
    "a short coordinate": answers(compact({"keys": [NEW.jwk(x=b64(b"\x01" * 31))]}).encode()),
    "a coordinate with a zero in front": answers(compact({"keys": [NEW.jwk(x="AAAA" + NEW.jwk()["x"])]}).encode()),
    "a missing coordinate": answers(compact({"keys": [NEW.jwk(x=DROP)]}).encode()),
    "a padded coordinate": answers(compact({"keys": [NEW.jwk(x=NEW.jwk()["x"] + "=")]}).encode()),
    "for encryption": answers(compact({"keys": [NEW.jwk(use="enc")]}).encode()),
    "for signing alone": answers(compact({"keys": [NEW.jwk(key_ops=["sign"])]}).encode()),
    "another algorithm": answers(compact({"keys": [NEW.jwk(alg="ES384")]}).encode()),
    "a private key": answers(compact({"keys": [NEW.jwk(d="AQAB")]}).encode()),
    "a name that is no string": answers(compact({"keys": [NEW.jwk(kid=1)]}).encode()),
    "an empty name": answers(compact({"keys": [NEW.jwk(kid="")]}).encode()),
    "a name twice": answers(compact({"keys": [OLD.jwk(), NEW.jwk(kid="old")]}).encode()),
    "too many keys": answers(compact({"keys": [NEW.jwk(kid=str(i)) for i in range(33)]}).encode()),
    "5 MB": answers(b" " * 5_000_000 + NEW.jwks()),
    "NaN": answers(NEW.jwks()[:-1] + b',"a":NaN}'),
    "nested deep": answers(b'{"keys":' + b"[" * 20000 + b"]" * 20000 + b"}"),
    "no UTF-8": answers(b'{"keys":"\xff"}'),
    "no HTTP": lambda handler: handler.wfile.write(b"hello\r\n"),
    "hangs up": lambda handler: handler.connection.close(),
}  # fmt: skip


@pytest.mark.parametrize("behave", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
def test_a_bad_answer_never_replaces_a_good_set(server, clock, tmp_path, behave):
    async def scenario():
        async with running(server, clock, tmp_path, QUICK) as keys:
            await until(lambda: keys.known)
            kept = (tmp_path / FILE_NAME).read_bytes()
            clock.advance(60)
            server.behave = behave
            await until(lambda: keys.failing_since_s is not None)
            asked = server.asked
            clock.advance(60)
            await until(lambda: server.asked > asked + 1)  # the task lives and asks again
            assert (keys.generation, keys.known, keys.failing_since_s) == (1, 1, NOW_S + 60)
            assert keys.last_refresh_at_s < NOW_S + 60
            assert (tmp_path / FILE_NAME).read_bytes() == kept
            PrivyTokens(keys, APP).access(OLD.token(access_claims(APP, NOW_S)), NOW_S)
            server.behave = answers(NEW.jwks())
            await until(lambda: keys.failing_since_s is None)
            assert "/elsewhere" not in server.paths

    asyncio.run(scenario())


def test_a_server_that_drips_is_given_up_and_asked_by_one_fetch_at_a_time(server, clock, tmp_path):
    server.behave = drips(server)

    async def scenario():
        async with running(server, clock, tmp_path, RefreshLimits(retry_s=0.01, max_retry_s=0.01, fetch_s=0.2)) as keys:
            loop = asyncio.get_running_loop()
            begun_s = loop.time()
            await until(lambda: keys.failing_since_s is not None)
            assert 0.15 < loop.time() - begun_s < 2.0
            assert keys.failure == "time_out"
            server.behave = answers(OLD.jwks())
            await until(lambda: keys.known)

    asyncio.run(scenario())


def test_a_restart_while_privy_is_down_still_signs_people_in(server, clock, tmp_path):
    async def first_run():
        async with running(server, clock, tmp_path) as keys:
            await until(lambda: keys.known)

    async def second_run():
        async with running(server, clock, tmp_path) as keys:
            assert (keys.known, keys.last_refresh_at_s) == (1, NOW_S)
            PrivyTokens(keys, APP).access(OLD.token(access_claims(APP, NOW_S)), NOW_S)
            await until(lambda: keys.failing_since_s is not None)
            PrivyTokens(keys, APP).access(OLD.token(access_claims(APP, NOW_S)), NOW_S)

    asyncio.run(first_run())
    server.behave = answers(b"", 503)
    asyncio.run(second_run())


def test_what_was_kept_is_read_as_strictly_as_what_is_fetched_and_only_for_its_url(tmp_path):
    file = KeyFile(tmp_path, "https://a.example/jwks.json")
    assert file.load() is None
    assert file.save(OLD.jwks(), NOW_S)
    assert file.load().keys.named.keys() == {"old"}
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    assert KeyFile(tmp_path, "https://b.example/jwks.json").load() is None
    content = json.loads((tmp_path / FILE_NAME).read_text())
    for damage in ({"jwks": '{"keys":[]}'}, {"jwks": None}, {"fetched_at_s": "then"}, {"url": None}):
        (tmp_path / FILE_NAME).write_text(json.dumps(content | damage))
        assert file.load() is None
    (tmp_path / FILE_NAME).write_bytes(b'{"url"')
    assert file.load() is None


def test_a_state_folder_that_cannot_be_written_keeps_nobody_out(server, clock, tmp_path):
    (tmp_path / "file").write_text("in the way")

    async def scenario():
        async with running(server, clock, tmp_path / "file" / "state") as keys:
            await until(lambda: keys.known)
            assert keys.failing_since_s is None

    asyncio.run(scenario())


def test_a_flood_of_unknown_kids_starts_one_refresh_each_thirty_seconds(server, clock, tmp_path):
    async def scenario():
        async with running(server, clock, tmp_path) as keys:
            await until(lambda: keys.last_refresh_at_s is not None)
            tokens = PrivyTokens(keys, APP)
            forged = [Signer(kid=f"k{i}").token(access_claims(APP, NOW_S)) for i in range(20)]

            async def flood():
                for index in range(1000):
                    with pytest.raises(TokenNotAccepted, match="unknown_key"):
                        tokens.access(forged[index % 20], NOW_S)
                    if index % 50 == 0:
                        await asyncio.sleep(0.001)  # the refresh may run between

            for expected, passed_s in ((2, 0), (2, 29.75), (3, 0.25), (3, 29.75), (4, 0.25)):
                clock.advance(passed_s)
                await flood()
                await until(lambda count=expected: server.asked >= count)
                await flood()
                assert server.asked == expected

    asyncio.run(scenario())


def test_a_new_key_is_learnt_from_the_first_token_that_names_it(server, clock, tmp_path):
    async def scenario():
        async with running(server, clock, tmp_path) as keys:
            await until(lambda: keys.known)
            server.behave = answers(OLD.jwks(NEW))
            tokens, token = PrivyTokens(keys, APP), NEW.token(access_claims(APP, NOW_S))
            with pytest.raises(TokenNotAccepted, match="unknown_key"):
                tokens.access(token, NOW_S)
            await until(lambda: keys.known == 2)
            tokens.access(token, NOW_S)

    asyncio.run(scenario())


def test_nobody_is_refused_for_keys_that_could_not_be_learnt(server, clock, tmp_path):
    server.behave = answers(b"", 503)

    async def scenario():
        async with running(server, clock, tmp_path, QUICK) as keys:
            tokens = PrivyTokens(keys, APP)
            with pytest.raises(NeighbourUnavailable):  # before the first answer
                tokens.access(OLD.token(access_claims(APP, NOW_S)), NOW_S)
            server.behave = answers(OLD.jwks())
            await until(lambda: keys.known)
            server.behave = answers(b"", 503)
            await until(lambda: keys.failing_since_s is not None)
            with pytest.raises(NeighbourUnavailable):  # it may be a key that we could not learn of
                tokens.access(NEW.token(access_claims(APP, NOW_S)), NOW_S)
            with pytest.raises(TokenNotAccepted):  # this one cannot
                tokens.access(Signer(kid="old").token(access_claims(APP, NOW_S)), NOW_S)

    asyncio.run(scenario())


def test_a_new_key_is_not_refused_while_what_is_known_is_old_and_the_server_has_not_answered(server, clock, tmp_path):
    async def scenario():
        async with running(server, clock, tmp_path) as keys:
            await until(lambda: keys.known)
            tokens, token = PrivyTokens(keys, APP), NEW.token(access_claims(APP, NOW_S))
            server.behave = drips(server)
            clock.advance(31)
            with pytest.raises(NeighbourUnavailable):  # the server was frozen, and nobody has noticed yet
                tokens.access(token, NOW_S)
            tokens.access(OLD.token(access_claims(APP, NOW_S)), NOW_S)

    asyncio.run(scenario())


def test_a_restart_beside_a_frozen_key_server_does_not_refuse_a_key_that_may_be_new(server, clock, tmp_path):
    async def scenario():
        async with running(server, clock, tmp_path) as keys:
            await until(lambda: keys.known)
        server.behave = drips(server)
        async with running(server, clock, tmp_path) as keys:
            tokens = PrivyTokens(keys, APP)
            tokens.access(OLD.token(access_claims(APP, NOW_S)), NOW_S)
            with pytest.raises(NeighbourUnavailable):
                tokens.access(NEW.token(access_claims(APP, NOW_S)), NOW_S)

    asyncio.run(scenario())


def test_given_and_fetched_keys_stand_beside_each_other(server, clock, tmp_path):
    given = Signer(kid=None)

    async def scenario():
        async with running(server, clock, tmp_path, pem=given.public_pem) as keys:
            tokens = PrivyTokens(keys, APP)
            tokens.access(given.token(access_claims(APP, NOW_S)), NOW_S)
            await until(lambda: keys.known == 2)
            for signer in (given, OLD):
                tokens.access(signer.token(access_claims(APP, NOW_S)), NOW_S)

    asyncio.run(scenario())


def test_closing_ends_every_task_at_once_even_while_the_server_drips(server, clock, tmp_path):
    server.behave = drips(server)

    async def scenario():
        loop = asyncio.get_running_loop()
        keys = SigningKeys(pem=None, jwks_url=server.url, state_dir=tmp_path, clock=clock, entropy=SeededEntropy())
        await keys.start()
        await until(lambda: server.asked)
        begun_s = loop.time()
        await keys.close()
        assert loop.time() - begun_s < 2.0
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await keys.close()

    asyncio.run(scenario())


def test_pauses_grow_with_failures_are_bounded_and_jitter_only_shortens_them():
    limits = RefreshLimits()
    assert [limits.pause_s(failures, 0) for failures in (0, 1, 2, 3, 4, 5, 1000)] == [600, 5, 10, 20, 40, 60, 60]
    assert limits.pause_s(0, 0.999) > 480


def test_refreshing_that_dies_starts_again_and_is_told(tmp_path, monkeypatch):
    asked, facts = [], []

    def break_once(*_):
        asked.append(1)
        if len(asked) == 1:
            raise ZeroDivisionError
        return False

    monkeypatch.setattr(SigningKeys, "_fail", break_once)

    async def main():
        keys = SigningKeys(
            pem=None,
            jwks_url="http://127.0.0.1:1/jwks.json",
            state_dir=tmp_path,
            clock=ManualClock(),
            entropy=SeededEntropy(1),
            limits=QUICK,
            tell=facts.append,
        )
        await keys.start()
        async with asyncio.timeout(5):
            while len(asked) < 2:
                await asyncio.sleep(0.01)
        await keys.close()

    asyncio.run(main())
    assert [(type(fact).__name__, fact.error) for fact in facts] == [("TaskRestarted", "ZeroDivisionError")]
