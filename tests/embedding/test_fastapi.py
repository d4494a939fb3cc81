"""docs/embedding.md's service: customers' rules in Lua, bounded, many at once, with a loop that goes on."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

PAGE = Path(__file__).parent.parent.parent / "docs" / "embedding.md"
CART = {"customer": "acme", "items": [{"price": 4000, "count": 3}]}


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    module = ModuleType("service")
    monkeypatch.setitem(sys.modules, "service", module)  # where pydantic looks names up
    exec(compile(blocks[-1], str(PAGE), "exec"), module.__dict__)
    app: Any = module.__dict__["app"]
    async with app.router.lifespan_context(app):
        yield app


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")


async def test_a_rule_prices_a_cart(service: Any) -> None:
    """The cart goes in as a global, the rule's table comes out as the response model."""
    async with client(service) as http:
        answer = await http.post("/price", json={**CART, "currency": "usd"})
    assert answer.status_code == 200
    assert answer.json() == {"total": 13500, "rule": "10% over 100.00"}


@pytest.mark.parametrize(
    ("customer", "kind", "words"),
    [
        ("endless", "limit", "ran for 0.5 s without a call"),
        ("greedy", "limit", "memory"),
        ("chatty", "limit", "20 calls"),
        ("wrong", "invalid", "total"),
        ("nosy", "denied", "stripe.customers.list"),
    ],
)
async def test_a_bad_rule_harms_its_own_request_only(service: Any, customer: str, kind: str, words: str) -> None:
    """Each bound ends the rule it is for with an answer that says so; a good one beside it is served."""
    async with client(service) as http:
        bad, good = await asyncio.gather(
            http.post("/price", json={**CART, "customer": customer}), http.post("/price", json=CART)
        )
    assert bad.status_code == 422
    assert bad.json()["detail"]["kind"] == kind
    assert words in bad.json()["detail"]["message"]
    assert good.status_code == 200


async def test_two_hundred_requests_wait_together_and_the_loop_goes_on(service: Any) -> None:
    """All 200 scripts are inside their call at the same moment, on threads that are few, and the service's own
    loop does its work meanwhile: it is this loop's code that then lets them go on."""
    waiting = 0
    all_there: asyncio.Event = asyncio.Event()
    go_on: Future[None] = Future()
    loop = asyncio.get_running_loop()

    async def rate(currency: str) -> float:  # on the host's loop
        nonlocal waiting
        waiting += 1
        if waiting == 200:
            loop.call_soon_threadsafe(all_there.set)
        await asyncio.wrap_future(go_on)  # from one loop to another
        return 1.0

    service.state.rate = rate
    threads = threading.active_count()
    async with client(service) as http:
        requests = [asyncio.ensure_future(http.post("/price", json=CART)) for _ in range(200)]
        await asyncio.wait_for(all_there.wait(), 60)
        assert not any(request.done() for request in requests)
        assert threading.active_count() - threads < 20
        go_on.set_result(None)
        answers = await asyncio.gather(*requests)
    assert [answer.status_code for answer in answers] == [200] * 200
