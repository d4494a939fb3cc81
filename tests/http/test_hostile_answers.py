"""Answers made to mislead or to exhaust whoever reads them, over the host's own HTTP/1.1."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.errors import CallError, CallTimeout, NetworkError, UnexpectedAnswer
from host.http.answer_head import fields_of
from host.http.client import HttpClient
from host.http.connection import PooledConnection
from host.http.connection_pool import ConnectionPool
from host.http.message import Request, Response
from host.http.request_head import HeaderLines
from host.http.settings import HttpSettings
from tests.http.servers import FaultServer


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient(HttpSettings(trust_env=False, max_answer_bytes=1_000_000))
    yield client
    await client.aclose()


async def get(client: HttpClient, server: FaultServer, path: str) -> Response:
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
async def test_answers_without_end_are_left(client: HttpClient, server: FaultServer, path: str, text: str) -> None:
    """One header, interim answers, or chunk extensions that never end; codings within codings."""
    with pytest.raises(UnexpectedAnswer, match=text):
        await get(client, server, path)


async def test_an_answer_before_the_request_ends_the_connection(
    client: HttpClient, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent then: the outcome of a mutation is known."""
    made = PooledConnection.connection_made

    def hasty(self: PooledConnection, transport: asyncio.BaseTransport) -> None:
        made(self, transport)
        self.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    monkeypatch.setattr(PooledConnection, "connection_made", hasty)
    request = Request("POST", f"{server.base}/ok", operation="x", mutation=True)
    with pytest.raises(NetworkError, match="before a request was sent") as caught:
        await client.send(request, monotonic() + 30)
    assert (caught.value.phase, caught.value.outcome) == ("connect", "not_sent")
    monkeypatch.undo()
    assert (await get(client, server, "ok")).body == b"ok"


async def not_yet_written(
    client: HttpClient, server: FaultServer, request: Request
) -> tuple[asyncio.Task[Response], asyncio.Task[Response], PooledConnection]:
    """A read that is written already, the request, and the kept connection it is to be written to."""
    await asyncio.gather(get(client, server, "ok"), get(client, server, "ok"))
    assert isinstance(client._fast, ConnectionPool)
    connections = set(client._fast._open)
    first = asyncio.create_task(get(client, server, "ok"))  # alone, it is written at once
    sending = asyncio.create_task(client.send(request, monotonic() + 30))
    await asyncio.sleep(0)  # asked for, and to be written in the loop's next round
    (connection,) = (each for each in connections if each.request)
    return first, sending, connection


@pytest.mark.parametrize("how", ["an answer", "its end", "its closing"])
async def test_what_comes_before_the_request_is_written_is_no_answer_to_it(
    client: HttpClient, server: FaultServer, how: str
) -> None:
    """A kept connection that the server is done with (408, say): the request does not go out on it."""
    request = Request("POST", f"{server.base}/ok", operation="x", mutation=True)
    others, sending, connection = await not_yet_written(client, server, request)
    if how == "an answer":
        connection.data_received(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
    elif how == "its end":
        connection.connection_lost(None)
    else:
        connection.transport.abort()  # as the loop does on an error, before it tells of it
    with pytest.raises(NetworkError, match="before a request was sent") as caught:
        await sending
    assert (caught.value.phase, caught.value.outcome) == ("connect", "not_sent")
    assert (await others).body == b"ok"
    assert not any(raw.startswith(b"POST") for raw in server.requests)
    assert (await client.send(request, monotonic() + 30)).body == b"ok"


async def test_requests_of_one_round_are_written_together(
    client: HttpClient, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One right after the other, when all that begin in the round have begun, but for one that begins alone."""
    written: list[int] = []
    write = PooledConnection.write

    def counted(self: PooledConnection) -> None:
        written.append(sum(each.pending for each in wire._open))
        write(self)

    async def post(size: int) -> Response:
        request = Request("POST", f"{server.base}/ok", content=b"x" * size, mutation=True)
        return await client.send(request, monotonic() + 30)

    sizes = (0, 1, 65535, 65536, 300_000)
    await asyncio.gather(*(post(1) for _ in sizes))
    assert isinstance(client._fast, ConnectionPool)
    wire = client._fast
    monkeypatch.setattr(PooledConnection, "write", counted)
    server.requests.clear()
    answers = await asyncio.gather(*map(post, sizes))
    assert [answer.body for answer in answers] == [b"ok"] * len(sizes)
    assert written == [1] + [len(sizes)] * (len(sizes) - 1)
    bodies = [raw.partition(b"\r\n\r\n")[2] for raw in server.requests]
    assert sorted(map(len, bodies)) == list(sizes)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"Date", b"date", b"X-A", b"x-b", b"X\xe9"]),
            st.sampled_from([b"", b"a", b"b c", b"two\nlines", b"\n", b"\xe9", b"d"]),
        ),
        max_size=6,
    )
)
def test_no_value_is_taken_for_that_of_another_header(head: list[tuple[bytes, bytes]]) -> None:
    """Whatever the values hold, and however often a name comes."""
    expected: dict[str, list[str]] = {}
    for name, value in head:
        if value.isascii():
            expected.setdefault(name.decode("latin-1").lower(), []).append(value.decode())
    found = fields_of(head)
    assert found == {name: ", ".join(values) for name, values in expected.items()}


def test_few_headers_are_kept_as_they_are_sent() -> None:
    """An idempotency key comes once, a long value is not kept at all."""
    lines = HeaderLines()
    for n in range(10_000):
        assert lines["Idempotency-Key", str(n)] == f"Idempotency-Key: {n}\r\n"
        assert lines["Accept", "*/*"] == "Accept: */*\r\n"
    assert lines["X-Long", "x" * 5000].endswith("xxx\r\n")
    assert len(lines) <= 256
    assert max(map(len, lines.values())) < 512


async def test_a_connection_is_kept_alive_by_the_system(client: HttpClient, server: FaultServer) -> None:
    """A peer that is gone without a word is noticed, also of connections opened later."""
    assert isinstance(client._fast or client._open_fast(), ConnectionPool)
    for many in (2, 5):
        await asyncio.gather(*(get(client, server, "ok") for _ in range(many)))
        wire = client._fast
        assert isinstance(wire, ConnectionPool)
        made = [each.transport.get_extra_info("socket") for each in wire._open]
        assert len(made) == many
        assert [each.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) for each in made] == [1] * many
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert {each.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) for each in made} == {30}


@pytest.mark.parametrize(
    ("how", "kind", "phase"), [("its deadline", CallTimeout, "limit"), ("the client's end", NetworkError, "connect")]
)
async def test_what_is_given_up_before_it_is_written_is_not_sent(
    client: HttpClient, server: FaultServer, how: str, kind: type[CallError], phase: str
) -> None:
    """By a loop that was busy until the deadline, or by a client that is closed."""
    request = Request("POST", f"{server.base}/ok", operation="x", mutation=True)
    first, sending, connection = await not_yet_written(client, server, request)
    if how == "its deadline":
        connection.expire()
    else:
        await client.aclose()
    with pytest.raises(kind) as caught:
        await sending
    assert (caught.value.phase, caught.value.outcome) == (phase, "not_sent")
    await asyncio.gather(first, return_exceptions=True)
    assert not any(raw.startswith(b"POST") for raw in server.requests)


async def test_one_connection_that_cannot_write_does_not_keep_the_others_from_it(
    client: HttpClient, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the loop's transport raises."""
    write = PooledConnection.write
    await asyncio.gather(*(get(client, server, "ok") for _ in range(4)))
    seen: list[int] = []

    def counted(self: PooledConnection) -> None:
        seen.append(1)
        if len(seen) == 2:
            raise RuntimeError("unable to perform the operation")
        write(self)

    monkeypatch.setattr(PooledConnection, "write", counted)
    found = await asyncio.gather(*(get(client, server, "ok") for _ in range(4)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in found) == ["NetworkError", "Response", "Response", "Response"]


@pytest.mark.parametrize("begin", [b"H", b"\r\n", b"HTTP/1.1 2"])
async def test_an_answer_that_breaks_off_is_told_from_the_one_before_it(client: HttpClient, begin: bytes) -> None:
    """On a connection that is used again: there is no answer yet, whatever the status of the last one was."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", begin):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    assert (await client.send(Request("GET", url), monotonic() + 30)).body == b"ok"
    with pytest.raises(NetworkError, match="without an answer"):
        await client.send(Request("GET", url), monotonic() + 30)
    server.close()


async def test_a_system_that_refuses_probes_does_without(
    client: HttpClient, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each connection by itself, and nothing is raised in the loop."""
    monkeypatch.setattr("host.http.connection.LONGEST_KEEPALIVE", 1 << 20)
    raised: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
    careful = HttpClient(HttpSettings(trust_env=False, keepalive=500_000.0))
    assert (await get(careful, server, "ok")).body == b"ok"
    await careful.aclose()
    assert raised == []
