"""Memory stays bounded: so many sign-ins are under way at once, and one more is told so at once."""

import asyncio
import json

import httpx
from tests.support.web_app import BODY, SimpleService, an_answer, parts

from gatewayz_auth.web import sign_in
from gatewayz_auth.web.app import create_app


def test_one_sign_in_more_than_may_be_under_way_is_refused_and_the_next_is_heard_again(monkeypatch):
    monkeypatch.setattr(sign_in, "MAX_UNDER_WAY", 3)

    async def main():
        go_on = asyncio.Event()

        async def says(_request, _deadline):
            await go_on.wait()
            return an_answer()

        service = SimpleService(says)
        transport = httpx.ASGITransport(create_app(parts(service)))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
            waiting = [asyncio.ensure_future(http.post("/api/auth", json=BODY)) for _ in range(3)]
            while service.calls < 3:
                await asyncio.sleep(0)
            refused = await http.post("/api/auth", json=BODY)
            go_on.set()
            answered = await asyncio.gather(*waiting)
            again = await http.post("/api/auth", json=BODY)
        return refused, [reply.status_code for reply in answered], again.status_code

    refused, answered, again = asyncio.run(main())
    assert refused.status_code == 503
    assert refused.json()["type"].endswith("overloaded")
    assert "retry-after" in refused.headers
    assert answered == [200] * 3
    assert again == 200


def test_whoever_still_waits_when_a_server_ends_is_told_to_come_back_and_never_500():
    async def main():
        told = []

        async def says(_request, _deadline):
            await asyncio.Event().wait()

        async def receive():
            return {"type": "http.request", "body": json.dumps(BODY).encode()}

        async def send(message):
            told.append(message)

        service = SimpleService(says)
        scope = {"type": "http", "method": "POST", "path": "/api/auth", "headers": [], "client": None}
        waiting = asyncio.ensure_future(create_app(parts(service))(scope, receive, send))
        while not service.calls:
            await asyncio.sleep(0)
        waiting.cancel()  # as uvicorn does where its grace is over; where nothing was sent, it sends a 500
        await asyncio.wait((waiting,))
        assert waiting.cancelled()
        return told

    start, body = asyncio.run(main())
    assert start["status"] == 503
    assert b"retry-after" in dict(start["headers"])
    assert not body.get("more_body")
