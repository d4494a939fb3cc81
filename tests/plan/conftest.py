"""An API at which nothing may change, and hosts in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from host import Host
from tests.durable.lab import Lab

__all__ = ["Refusing", "lab", "planned", "refusing"]

CUSTOMER = {
    "id": "cus_real", "object": "customer", "email": "old@x.example", "name": "Old", "metadata": {"a": "1"},
    "created": 1, "livemode": False, "default_source": None, "shipping": None, "balance": 0, "description": None,
}  # fmt: skip


class Refusing(httpx.AsyncBaseTransport):
    """Answers reads, and notes whatever would change something."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.changes: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        said = f"{request.method} {request.url.path}"
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            self.changes.append(said)
            return httpx.Response(500, json={"error": {"type": "api_error", "message": "a change was sent"}})
        self.reads.append(said)
        last = request.url.path.rpartition("/")[2]
        if last.endswith("_closed"):
            return httpx.Response(
                403, json={"error": {"type": "invalid_request_error", "message": "not with this key"}}
            )
        if last.endswith("_real"):
            return httpx.Response(200, json={**CUSTOMER, "id": last})
        if "_" in last and last.partition("_")[0] in ("cus", "prod", "pi", "sub", "in"):
            error = {"type": "invalid_request_error", "code": "resource_missing", "message": f"No such thing: {last}"}
            return httpx.Response(404, json={"error": error})
        return httpx.Response(200, json={"object": "list", "data": [], "has_more": False, "url": request.url.path})


@pytest.fixture
def refusing() -> Refusing:
    return Refusing()


@pytest.fixture
def planned(refusing: Refusing, tmp_path: Path) -> Iterator[Host]:
    """A host with a key whose transport is ``refusing``, and all that could be granted in a folder of the test."""
    granted: dict[str, Any] = {
        "net": ["*"], "read": [str(tmp_path)], "write": [str(tmp_path)], "sql": [f"sqlite:///{tmp_path}/shop.sqlite"],
    }  # fmt: skip
    with Host(stripe_secret_key="sk_test_plan", transport=refusing, permissions=granted) as host:
        yield host
    assert refusing.changes == []


@pytest.fixture
def lab(tmp_path: Path) -> Callable[..., Any]:
    return Lab(tmp_path)
