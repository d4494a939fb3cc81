"""The servers that everything is measured against."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest

from benchmarks.servers import PRODUCT, Server, compiled

POST = b"POST /v1/products HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b"


@pytest.fixture(params=["c", "python"])
def python(request: pytest.FixtureRequest) -> bool:
    if request.param == "c" and compiled() is None:
        pytest.skip("no C compiler here")
    return bool(request.param == "python")


@pytest.fixture
def server(python: bool) -> Iterator[Server]:
    with Server(python=python) as running:
        yield running


def connect(server: Server) -> socket.socket:
    host, _, port = server.base_url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of exactly the next answer."""
    text = b""
    while b"\r\n\r\n" not in text:
        text += connection.recv(1)
    head = text.decode().lower()
    size = int(head.split("content-length: ")[1].split("\r\n")[0])
    body = b""
    while len(body) < size:
        body += connection.recv(size - len(body))
    return int(head.split()[1]), body


def test_a_create_is_answered_with_the_product_and_counted(server: Server) -> None:
    """The body is the fixed product, the connection stays open, each create counts once."""
    with connect(server) as connection:
        for _ in range(3):
            connection.sendall(POST)
            status, body = read_answer(connection)
            assert (status, body.decode()) == (200, PRODUCT)
    counts = server.count()
    assert (counts["creates"], counts["others"]) == (3, 0)


def test_the_product_has_the_id_that_peers_insist_on() -> None:
    """A peer that stops on a wrong id compares with what the server sends."""
    assert json.loads(PRODUCT)["id"] == "prod_QX7YbWz3kT9m2L"
    assert 800 < len(PRODUCT) < 1200


def test_anything_else_is_counted_apart(server: Server) -> None:
    """A contestant that asks more than it should is seen, but looking at the counts is not counted."""
    with connect(server) as connection:
        connection.sendall(b"GET /v1/products HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answer(connection)[0] == 404
    server.count()
    counts = server.count()
    assert (counts["creates"], counts["others"]) == (0, 1)


def test_requests_in_one_packet_and_in_pieces_are_all_answered(server: Server) -> None:
    """How the bytes arrive does not matter."""
    with connect(server) as connection:
        connection.sendall(POST + POST + POST[:40])
        assert [read_answer(connection)[0] for _ in range(2)] == [200, 200]
        connection.sendall(POST[40:])
        assert read_answer(connection)[0] == 200
    assert server.count()["creates"] == 3


def test_a_body_without_a_length_is_refused(server: Server) -> None:
    """Chunked bodies are not understood, and the peer is told so instead of hanging."""
    with connect(server) as connection:
        connection.sendall(b"POST /v1/products HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert read_answer(connection)[0] == 400
    assert server.count()["creates"] == 0


def test_a_delayed_answer_is_not_early(python: bool) -> None:
    """Answers wait for their time, also several on one connection, and a peer that leaves harms nobody."""
    with Server(20, python=python) as server, connect(server) as stays:
        with connect(server) as leaves:
            leaves.sendall(POST)
        began = time.monotonic()
        stays.sendall(POST + POST)
        assert [read_answer(stays)[0] for _ in range(2)] == [200, 200]
        assert time.monotonic() - began >= 0.019
        assert server.count()["creates"] == 3


def test_it_ends_with_its_owner(python: bool) -> None:
    """Closing the pipe it was started with is enough: no server is left behind."""
    server = Server(python=python)
    server.close()
    with pytest.raises(ConnectionError):
        connect(server)
