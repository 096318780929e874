"""Redis, the key server and the mail server: each step that fails is named, and none holds the others up."""

import asyncio
import contextlib
import datetime as dt
import ssl
import threading

import pytest
import redis
from tests.support.examined import CLOCK, certificate, examined, settings_of
from tests.support.faulty_proxy import FaultyProxy
from tests.support.forgeries import Signer
from tests.support.mail_server import Mailbox, mail_server

from gatewayz_auth import bootstrap_doctor
from gatewayz_auth.adapters.postgres.doctor import Limits
from gatewayz_auth.adapters.privy.key_file import KeyFile
from gatewayz_auth.adapters.reach import Reach, StepFailedError
from gatewayz_auth.adapters.redis import doctor as of_redis
from gatewayz_auth.adapters.redis import doctor_findings
from gatewayz_auth.reliability.abandoned import Abandoned
from gatewayz_auth.service.doctor import of_certificate, of_service
from gatewayz_auth.service.findings import Severity

NOWHERE = "postgresql://u@127.0.0.1:1/x"


def about_redis(url):
    found = of_redis.Examined(Reach("redis", CLOCK, Abandoned()))
    asyncio.run(of_redis.examine(url, found, ssl.create_default_context()))
    return {one.id: one for one in doctor_findings.judge(found)}


@pytest.fixture
def set_redis(redis_url):
    """Sets something of the server, and takes it back."""
    with redis.Redis.from_url(redis_url) as client:
        before = {}

        def change(**values):
            for name, value in ((name.replace("_", "-"), value) for name, value in values.items()):
                before.setdefault(name, client.config_get(name)[name])
                client.config_set(name, value)
            return client

        yield change
        for name, value in before.items():
            client.config_set(name, value)
        client.acl_deluser("stranger")


def test_a_redis_that_evicts_nothing_is_a_finding(set_redis, redis_url):
    set_redis(maxmemory_policy="noeviction")
    assert "At maxmemory it refuses writes" in about_redis(redis_url)["redis-noeviction"].detail


def test_a_redis_that_is_nearly_full_is_a_finding(set_redis, redis_url):
    used = set_redis().info()["used_memory"]
    set_redis(maxmemory=str(int(used * 1.05)))
    assert "redis-memory" in about_redis(redis_url)


def test_a_redis_that_does_not_let_us_write_our_keys_is_a_finding(set_redis, redis_url):
    client = set_redis()
    client.execute_command("ACL", "SETUSER", "stranger", "on", ">s3cret-word", "~other:*", "+@all")
    found = about_redis(redis_url.replace("unix://", "unix://stranger:s3cret-word@"))
    assert "access list" in found["redis-refuses"].detail
    assert not client.exists("auth:doctor")


def test_a_wrong_password_fails_at_the_login_and_is_not_repeated(redis_url):
    found = about_redis(redis_url.replace("unix://", "unix://stranger:s3cret-word@"))
    assert "does not accept the user or the password" in found["redis-unreachable"].title
    assert "s3cret-word" not in str(found)


def test_nothing_is_wrong_with_the_redis_of_a_fresh_start_and_no_key_is_left(redis_url):
    assert not {name for name in about_redis(redis_url) if name != "redis-slow"}  # it may be slow on a busy machine
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys() == []


def test_everything_frozen_at_once_is_told_within_the_limit(redis_url):
    path = redis_url.split("://")[1].split("?")[0]
    with FaultyProxy(path) as proxy:
        proxy.freeze()
        at = f"127.0.0.1:{proxy.port}"
        settings = settings_of(
            DATABASE_URL=f"postgresql://u@{at}/x", REDIS_URL=f"redis://{at}/0", SMTP_URL=f"smtp://{at}",
            PRIVY_JWKS_URL=f"http://{at}/jwks.json",
        )  # fmt: skip
        found, took_s = examined(settings)
    told = {one.id: one for one in found.findings(Limits(), CLOCK.utc_now_s())}
    for name in ("postgres", "redis", "key-server", "smtp"):
        assert "does not answer: connected, then silent at the step" in told[f"{name}-unreachable"].title
        assert "password" not in str(told[f"{name}-unreachable"])
    assert took_s < 10


@pytest.mark.parametrize(("kept", "severity"), [(True, Severity.WARNING), (False, Severity.CRITICAL)])
def test_a_key_server_that_is_away_is_critical_where_no_key_of_it_is_known(kept, severity, tmp_path):
    url = "http://127.0.0.1:1/jwks.json"
    if kept:
        assert KeyFile(tmp_path, url).save(Signer(kid="kept").jwks(), 1.0)
    settings = settings_of(
        DATABASE_URL=NOWHERE, REDIS_URL="redis://127.0.0.1:1/0", PRIVY_JWKS_URL=url, STATE_DIR=str(tmp_path)
    )
    found, _ = examined(settings)
    told = {one.id: one for one in found.findings(Limits(), CLOCK.utc_now_s())}["key-server-unreachable"]
    assert told.severity is severity
    assert ("nobody can be signed in" in told.detail) is not kept


def test_a_name_look_up_that_hangs_is_a_finding_and_not_a_hang(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr("gatewayz_auth.adapters.reach.socket.getaddrinfo", lambda *_a, **_k: release.wait(30) or [])
    try:
        found, took_s = examined(settings_of(DATABASE_URL="postgresql://u@db.example.com/x", REDIS_URL="redis://r/0"))
    finally:
        release.set()
    assert found.postgres.problem.startswith("name: no answer in")
    assert took_s < 6


def about_mail(url, mailbox, trust=None, **serving):
    async def story():
        async with mail_server(mailbox, **serving) as port:
            settings = settings_of(DATABASE_URL=NOWHERE, REDIS_URL="redis://127.0.0.1:1/0", SMTP_URL=url.format(port))
            return await bootstrap_doctor.examine(settings, CLOCK, tls=trust)

    found = asyncio.run(story())
    return {one.id: one for one in found.findings(Limits(), CLOCK.utc_now_s())}


def test_a_mail_server_that_lets_us_in_is_no_finding_and_gets_no_mail():
    mailbox = Mailbox()
    assert "smtp-unreachable" not in about_mail("smtp://post:a%20password@127.0.0.1:{}", mailbox, wants_login=True)
    assert mailbox.logins
    assert not mailbox.messages


def test_a_wrong_password_of_the_mail_server_is_found_and_not_repeated():
    found = about_mail("smtp://post:s3cret-word@127.0.0.1:{}", Mailbox(), wants_login=True)
    assert "does not accept the user or the password" in found["smtp-unreachable"].title
    assert "s3cret-word" not in str(found)


@pytest.mark.parametrize(
    ("days", "ids"),
    [(-3, {"certificate-ends", "smtp-unreachable"}), (5, {"certificate-ends"}), (90, set())],
)
def test_a_certificate_that_has_ended_or_soon_will_is_found(days, ids, tmp_path):
    server, trust = certificate(tmp_path, ends_in_days=days)
    found = about_mail("smtps://localhost:{}", Mailbox(), trust, tls=server, implicit=True)
    assert {name for name in found if name in {"certificate-ends", "smtp-unreachable"}} == ids


def test_the_end_of_a_certificate_is_critical_when_it_is_near():
    now_s = dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp()
    assert of_certificate("postgres", None, now_s) == []
    assert of_certificate("postgres", now_s + 40 * 86400, now_s) == []
    assert of_certificate("postgres", now_s + 20 * 86400, now_s)[0].severity is Severity.WARNING
    assert of_certificate("postgres", now_s - 86400, now_s)[0].severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("figures", "ids"),
    [
        ({"minute": {"cache": 90, "database": 10}, "pool": {"band": "HEALTHY", "abandoned": 0}}, set()),
        ({"minute": {"cache": 50, "database": 50}}, {"hit-rate-low"}),
        ({"minute": {"cache": 5, "database": 5}}, set()),
        ({"minute": {"last_known_good": 3}}, {"last-known-good"}),
        ({"pool": {"band": "CRITICAL", "abandoned": 4}}, {"pool-near-its-end", "calls-abandoned"}),
    ],
)
def test_what_the_running_service_says_of_itself_is_judged(figures, ids):
    assert {one.id for one in of_service(figures)} == ids


def test_a_step_is_kept_with_its_time_and_its_problem():
    async def story():
        reach = Reach("redis", CLOCK, Abandoned(), step_limit_s=0.05)
        with contextlib.suppress(StepFailedError):
            await reach.step("tcp", lambda: asyncio.sleep(5))
        return reach.steps

    (step,) = asyncio.run(story())
    assert step.problem == "no answer in 0.05 s"
    assert 0.04 < step.took_s < 1
