"""Memory stays bounded: so many sign-ins are under way at once, and one more is told so at once."""

import asyncio

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
