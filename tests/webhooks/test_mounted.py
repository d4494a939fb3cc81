"""docs/events.md's applications: webhooks mounted in FastAPI, and beside an application that cannot mount."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from host import ClosedError
from tests.webhooks.conftest import SECRET, Shop, signed

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
COMPLETED = json.dumps(
    {
        "id": "evt_1",
        "object": "event",
        "type": "checkout.session.completed",
        "created": 1_700_000_000,
        "data": {"object": {"id": "cs_1", "object": "checkout.session", "customer": "cus_1"}},
    }
).encode()


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    """The names of the page's Python blocks."""
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)
    return names


@pytest.fixture
async def shown(shop: Shop, documented: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """The FastAPI application, its host, and a client, while it lives."""
    (handler,) = re.findall(r"# (on\(.*end\))$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    shop.script(handler, "shop.lua")
    monkeypatch.chdir(shop.folder)
    with shop.host() as host:
        app = documented["shop"](host, SECRET)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client,
        ):
            yield SimpleNamespace(app=app, client=client, host=host)


async def test_fastapi_takes_events_where_they_are_mounted(shown: Any) -> None:
    """Verified, recorded, handled with a function of the program; the application's own paths are its own."""
    client = shown.client
    assert (await client.get("/members/cus_1")).json() is False
    assert (await client.post("/stripe/webhook", content=COMPLETED)).status_code == 400
    assert (await client.post("/stripe/", content=COMPLETED, headers=signed(COMPLETED))).json() == {"received": True}
    while (await client.get("/members/cus_1")).json() is False:
        continue
    journal = shown.host.durable_runs.journal
    assert [run.id for run in journal.runs()] == ["shop:evt_1"]


async def test_the_lifespan_ends_them_and_what_comes_later_is_sent_elsewhere(shown: Any) -> None:
    """503 until the process is gone, and no handler begins any more."""
    async with shown.app.router.lifespan_context(shown.app):
        pass
    answer = await shown.client.post("/stripe/", content=COMPLETED, headers=signed(COMPLETED))
    assert answer.status_code == 503
    with pytest.raises(ClosedError):
        async with shown.app.router.lifespan_context(shown.app):
            pass


async def test_beside_an_application_only_their_path_is_theirs(shop: Shop, documented: dict[str, Any]) -> None:
    """Everything else reaches the application as it came."""
    seen: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["path"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with shop.host() as host:
        webhooks = host.webhooks(shop.script("on('*', function() end)"), secret=SECRET, tell=shop.tell)
        both = documented["beside"](webhooks, application)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(both), base_url="http://shop") as client:
            assert (await client.get("/about")).status_code == 204
            answer = await client.post("/stripe/webhook", content=COMPLETED, headers=signed(COMPLETED))
        assert answer.status_code == 200
        assert shop.wait(1) == ["evt_1 done"]
    assert seen == ["/about"]
