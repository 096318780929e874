"""The web side over a service that knows one rule: the token ``good`` proves whoever the body names."""

import asyncio
import contextlib
import datetime as dt
import socket
import threading
from decimal import Decimal

import httpx
import uvicorn

from gatewayz_auth.domain.errors import TokenNotAccepted
from gatewayz_auth.domain.sign_in import Answer, Source
from gatewayz_auth.domain.users import Account
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.each import each
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.web.access import OpsRules
from gatewayz_auth.web.answers import render
from gatewayz_auth.web.app import Parts, create_app

ADMIN_TOKEN = "a-token-of-operators-with-enough-characters"
SOME_DAY = dt.datetime(2026, 11, 24, 16, 0, tzinfo=dt.UTC)
PERSON = "did:privy:ada"
BODY = {"token": "good", "user": {"id": PERSON, "created_at": 1763900000, "linked_accounts": []}}


def account(**changes):
    fields = {
        "user_id": 7,
        "region": "default",
        "privy_user_id": PERSON,
        "username": "ada",
        "display_name": None,
        "auth_method": "email",
        "email": None,
        "claimed_email": "ada@example.com",
        "phone_number": None,
        "claimed_phone_number": None,
        "credits": Decimal("3.00"),
        "tier": "basic",
        "subscription_status": "trial",
        "trial_expires_at": SOME_DAY,
        "subscription_end_date": None,
        "is_guest": False,
        "is_active": True,
        "created_at": SOME_DAY,
    }
    return Account(**{**fields, **changes})


class SimpleService:
    """Stands for ``service.sign_in.SignIn``: counts whom it answered; ``says`` replaces its answer."""

    def __init__(self, says=None):
        self.says = says
        self.calls = 0
        self.requests = []

    def prove(self, request):
        if request.token != "good":
            raise TokenNotAccepted("signature")
        self.requests.append(request)
        return ()

    def prove_all(self, requests):
        return each(self.prove, requests)

    def fresh(self, _request, _signed):
        return None

    async def answer(self, request, _signed, deadline):
        self.calls += 1
        if self.says is not None:
            return await self.says(request, deadline)
        return an_answer()


def an_answer(source=Source.DATABASE, age_s=0.0, *, is_new=False):
    return Answer(render(account(), "gw_live_made_up", is_new=is_new), 7, source, age_s)


def saying(what):
    """A service that answers ``what``, or raises it."""

    async def says(request, deadline):
        if isinstance(what, BaseException):
            raise what
        return what

    return SimpleService(says)


def parts(service=None, **changes):
    fields = {
        "sign_in": service or SimpleService(),
        "clock": SystemClock(),
        "entropy": SystemEntropy(),
        "auth_query_timeout_s": 8.0,
        "ops": OpsRules(ADMIN_TOKEN),
    }
    return Parts(**{**fields, **changes})


def call(app, method, path, *, client=("127.0.0.1", 40000), headers=(), **more):
    """One request to ``app`` without a socket."""

    async def go():
        transport = httpx.ASGITransport(app, client=client)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
            return await http.request(method, path, headers=dict(headers), **more)

    return asyncio.run(go())


@contextlib.contextmanager
def serving(web_parts, http="gatewayz_auth.cli.http_connection:HttpConnection", keep_alive_s=75):
    """``web_parts`` behind a real uvicorn on a real socket, by the service's own connections; gives the port."""
    config = uvicorn.Config(
        create_app(web_parts),
        loop="uvloop",
        http=http,
        proxy_headers=False,
        log_config=None,
        access_log=False,
        timeout_keep_alive=keep_alive_s,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        assert not thread.is_alive()
