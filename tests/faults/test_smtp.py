"""The mail server refuses, freezes, drips, says nothing, breaks off: sign-ins and rewards do not notice."""

import asyncio
import contextlib
import json
import sys
import threading

import pytest
from tests.support.faults import CLOCK, Body
from tests.support.faulty_proxy import FaultyProxy
from tests.support.mail_server import Mailbox, mail_server
from tests.support.serving import Serving, free_port

from gatewayz_auth.adapters.child_process import wait_until

CODE = "MTRW2345"
ADDRESS = "referrer@example.com"
REWARDED_WITHIN_S = 10.0
"""Below the limit of a send, which a reward would show if it waited for one."""

DELIVERED_WITHIN_S = 30.0
ANSWERED_WITHIN_S = 2.0

FAULTS = {
    "refuse": lambda proxy: proxy.refuse(),
    "freeze": lambda proxy: proxy.freeze(),
    "drip": lambda proxy: (proxy.drip(0.5), proxy.reset()),
    "say nothing": lambda proxy: (proxy.say_nothing(), proxy.reset()),
    "reset": lambda proxy: proxy.reset(),
}


@contextlib.contextmanager
def served(mailbox):
    """``mailbox`` on a loop and thread of its own; gives the port."""
    loop, started, ports = asyncio.new_event_loop(), threading.Event(), []
    ending = asyncio.Event()

    async def serve():
        async with mail_server(mailbox) as port:
            ports.append(port)
            started.set()
            await ending.wait()

    def run():
        loop.run_until_complete(serve())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(10)


@pytest.fixture(scope="module")
def mailbox():
    return Mailbox()


@pytest.fixture(scope="module")
def proxy(mailbox):
    with served(mailbox) as port, FaultyProxy(("127.0.0.1", port)) as between:
        yield between
        between.thaw()


@pytest.fixture(scope="module")
def worker(service, proxy, tmp_path_factory):
    """A worker beside the service, over the same database, with the mail server behind the proxy."""
    folder = tmp_path_factory.mktemp("worker")
    environ = {
        "DATABASE_URL": service.database_url,
        "PRIVY_APP_ID": service.issuer.app_id,
        "PRIVY_VERIFICATION_KEY": service.issuer.public_pem,
        "API_KEY_SECRET": "a-secret-of-the-fault-tests-and-of-nobody-else",
        "STATE_DIR": str(folder / "state"),
        "LOG_FORMAT": "json",
        "SMTP_URL": f"smtp://127.0.0.1:{proxy.port}?tls=off",
        "MAIL_FROM": "hello@example.com",
    }
    ((user_id,),) = service.sql(
        "INSERT INTO users (username, email) VALUES ('mail-referrer', %s) RETURNING id", ADDRESS
    )
    service.sql("INSERT INTO gatewayz_auth.referral_codes (code, user_id) VALUES (%s, %s)", CODE, user_id)
    port = free_port()
    words = [sys.executable, "-P", "-m", "gatewayz_auth.cli", "worker", "--port", str(port)]
    with Serving(folder, port=port, environ=environ, command=words) as running:
        running.wait_for("Working")
        yield running


def referred(service, name):
    accounts = [{"type": "email", "address": f"{name}@example.com"}]
    issued = service.issuer.issue(f"did:privy:{name}", accounts, CLOCK.utc_now_s())
    return Body(json.dumps({**issued, "referral_code": CODE}).encode())


def until(condition, limit_s, what):
    assert wait_until(condition, CLOCK, limit_s), what


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.replace(" ", "_") for fault in FAULTS])
def test_smtp(fault, service, worker, proxy, mailbox, record_property):
    def count(table, status):
        return service.sql(f"SELECT count(*) FROM {table} WHERE status = %s", status)[0][0]  # noqa: S608 - our own words

    def mails(status):
        return count("gatewayz_auth.mail_outbox", status)

    rewarded, sent, arrived = count("referrals", "rewarded"), mails("sent"), len(mailbox.messages)
    FAULTS[fault](proxy)
    replies = service.ask([referred(service, f"mailed-{fault.replace(' ', '-')}-{number}") for number in range(3)])
    assert {reply.status for reply in replies} == {200}
    assert {reply.source for reply in replies} == {"database"}
    assert max(reply.promised_s for reply in replies) <= ANSWERED_WITHIN_S
    began_s = CLOCK.monotonic_s()
    until(lambda: count("referrals", "rewarded") == rewarded + 3, REWARDED_WITHIN_S, "a reward waited for its mail")
    record_property("rewarded", f"{CLOCK.monotonic_s() - began_s:.2f}")

    proxy.thaw(old_connections_stay_dead=False)
    proxy.reset()

    def is_delivered():
        # Nobody waits for the schedule here: what is not being tried at the moment is due at once.
        service.sql(
            "UPDATE gatewayz_auth.mail_outbox SET due_at = now() "
            "WHERE status = 'waiting' AND reason IS NOT NULL AND due_at > now()"
        )
        return mails("sent") == sent + 3

    until(is_delivered, DELIVERED_WITHIN_S, worker.output[-2000:])
    ids = [message["Message-ID"] for _, message in mailbox.messages[arrived:]]
    assert len(set(ids)) == 3
    assert (mails("waiting"), mails("failed")) == (0, 0)
    assert ADDRESS not in worker.output
    assert "@example.com" not in worker.output
    assert ADDRESS not in service.serving.output
