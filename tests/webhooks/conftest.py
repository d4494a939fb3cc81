"""Hosts that take webhooks, and a sender that signs."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from host import Host
from host.apis.stripe import load
from host.serve.signatures import sign
from host.simulator.simulator import Simulator
from host.webhooks.dispatcher import Ended
from host.webhooks.service import Webhooks

SECRET = "whsec_test"


def body(id: str = "evt_1", type: str = "invoice.paid", object: str = "in_1", created: int = 1_700_000_000) -> bytes:
    """An event as Stripe sends it."""
    data = {"object": {"id": object, "object": "invoice"}}
    return json.dumps({"id": id, "object": "event", "type": type, "created": created, "data": data}).encode()


def signed(payload: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"Stripe-Signature": sign(payload, [secret], int(time.time()))}


class Shop:
    """One API and one journal; hosts that come and go; what became of each event."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.api = Simulator(load())
        self.told: list[Ended] = []
        self._changed = threading.Condition()

    def script(self, text: str, name: str = "handlers.lua") -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def host(self, **more: Any) -> Host:
        return Host(simulator=self.api, journal=self.folder / "journal.sqlite", **more)

    def tell(self, ended: Ended) -> None:
        with self._changed:
            self.told.append(ended)
            self._changed.notify_all()

    def wait(self, number: int) -> list[str]:
        """What became of the first so many, as ``"evt_1 done"``."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.told) >= number, 20), self.told
            return [f"{each.event.id} {each.how}" for each in self.told]

    def names(self) -> list[str]:
        """The names of all products, in the order in which they were made."""
        made = [id for kind, id in self.api.ledger() if kind == "product"]
        return [json.loads(self.api.store.record("product", id).body)["name"] for id in made]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


Post = Callable[..., httpx.Response]


@pytest.fixture
def post() -> Post:
    """``post(webhooks, payload, headers)``: one request to the ASGI application."""

    def send(app: Webhooks, payload: bytes, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        async def request() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
                method, url = more.get("method", "POST"), more.get("url", "/")
                return await client.request(
                    method, url, content=payload, headers=signed(payload) if headers is None else headers
                )

        return asyncio.run(request())

    return send


@pytest.fixture
def opened(shop: Shop) -> Iterator[Callable[..., Webhooks]]:
    """``opened(lua, **options)``: webhooks of a host with that handler script."""
    hosts: list[Host] = []

    def open_(text: str, **options: Any) -> Webhooks:
        hosts.append(shop.host())
        options = {"secret": SECRET, "tell": shop.tell, "retry_delay": 0.01, **options}
        return hosts[-1].webhooks(shop.script(text), **options)

    yield open_
    for host in hosts:
        host.close()
