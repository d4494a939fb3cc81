"""Answers made to mislead or to exhaust whoever reads them, over the host's own HTTP/1.1."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest

from host.errors import NetworkError, UnexpectedAnswer
from host.http.client import HttpClient
from host.http.lean import _Connection
from host.http.message import Answer, Request
from host.http.settings import HttpSettings
from tests.http.servers import FaultServer


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient(HttpSettings(trust_env=False, max_answer_bytes=1_000_000))
    yield client
    await client.aclose()


async def get(client: HttpClient, server: FaultServer, path: str) -> Answer:
    return await client.send(Request("GET", f"{server.base}/{path}"), monotonic() + 30)


async def test_what_follows_an_answer_is_not_the_answer(client: HttpClient, server: FaultServer) -> None:
    """Two answers to one request: the first counts, and the connection is not used again."""
    answer = await get(client, server, "two")
    assert (answer.status, answer.body, answer.headers.get("request-id")) == (200, b"ok", None)
    assert (await get(client, server, "ok")).body == b"ok"
    assert server.connections == 2


async def test_an_answer_without_content_stays_one(client: HttpClient, server: FaultServer) -> None:
    """What is sent after a 204 does not take its place."""
    answer = await get(client, server, "no-content-and-more")
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("trailers", b"ok"),
        ("late-trailer", b"x" * 400_000),
        ("small-chunks", b"ab" * 100_000),
        ("gzip-parts", b"unpacked"),
    ],
)
async def test_odd_but_whole_answers(client: HttpClient, server: FaultServer, path: str, body: bytes) -> None:
    """Trailers change nothing of the answer, tiny chunks are joined, all members of a gzip file are read."""
    answer = await get(client, server, path)
    assert type(answer.body) is bytes
    assert answer.body == body
    assert "x-late" not in answer.headers


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("long-header", "its head is over 256 KB"),
        ("continued", "its head is over 256 KB"),
        ("chunk-extensions", "too large"),
        ("gzip-often", "40 codings on top of one another"),
    ],
)
async def test_answers_without_end_are_left(
    client: HttpClient, server: FaultServer, path: str, text: str
) -> None:
    """One header, interim answers, or chunk extensions that never end; codings within codings."""
    with pytest.raises(UnexpectedAnswer, match=text):
        await get(client, server, path)


async def test_an_answer_before_the_request_ends_the_connection(
    client: HttpClient, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent then: the outcome of a mutation is known."""
    made = _Connection.connection_made

    def hasty(self: _Connection, transport: asyncio.BaseTransport) -> None:
        made(self, transport)
        self.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    monkeypatch.setattr(_Connection, "connection_made", hasty)
    request = Request("POST", f"{server.base}/ok", operation="x", mutation=True)
    with pytest.raises(NetworkError, match="before it was asked anything") as caught:
        await client.send(request, monotonic() + 30)
    assert (caught.value.phase, caught.value.outcome) == ("connect", "not_sent")
    monkeypatch.undo()
    assert (await get(client, server, "ok")).body == b"ok"
