"""The simulator over HTTP, on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from host.apis.catalog import Catalog
from host.errors import UsageError
from host.simulator.app import SimulatorApp
from host.simulator.fault_injection import Faults
from host.simulator.server import SimulatorServer, serve
from host.simulator.simulator import Simulator
from host.simulator.store import Store

KEY = {"Authorization": "Bearer sk_test_abc"}


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    from host.apis.stripe import load

    with serve(load(), key="sk_test_abc") as running:
        yield running


def test_objects_over_the_network(server) -> None:
    """A product is made and read over HTTP, with the headers of the API."""
    with httpx.Client(base_url=server.url, headers=KEY) as client:
        made = client.post("/v1/products", data={"name": "x", "metadata[a]": "b"})
        assert made.status_code == 200
        assert made.headers["request-id"].startswith("req_")
        assert made.headers["content-type"] == "application/json"
        assert client.get(f"/v1/products/{made.json()['id']}").json() == made.json()
        head = client.head(f"/v1/products/{made.json()['id']}")
        assert (head.status_code, head.content) == (200, b"")
        assert client.get("/v1/products/a%2Fb").json()["error"]["message"] == "No such product: 'a/b'"


def test_the_one_key(server) -> None:
    """A server with a key takes that one only, as bearer or by basic authentication."""
    with httpx.Client(base_url=server.url) as client:
        assert client.get("/v1/products").status_code == 401
        assert client.get("/v1/products", headers={"Authorization": "Bearer sk_test_other"}).status_code == 401
        assert client.get("/v1/products", auth=("sk_test_abc", "")).status_code == 200


def test_a_file_upload(server) -> None:
    """A file's name, size and type are those of the part that was sent."""
    with httpx.Client(base_url=server.url, headers=KEY) as client:
        sent = client.post(
            "/v1/files",
            data={"purpose": "dispute_evidence"},
            files={"file": ("scan.png", b"12345", "image/png")},
        ).json()
        assert (sent["filename"], sent["size"], sent["type"]) == ("scan.png", 5, "png")
        assert sent["purpose"] == "dispute_evidence"


def test_many_clients_at_once_each_get_their_own(server) -> None:
    """Many clients at once each get their own."""
    made: list[str] = []

    def work(name: str) -> None:
        with httpx.Client(base_url=server.url, headers=KEY) as client:
            made.extend(client.post("/v1/customers", data={"name": f"{name}{n}"}).json()["id"] for n in range(20))

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 80


@pytest.mark.parametrize(("fault", "made"), [("reset-before:100%", 0), ("reset-after:100%", 1)])
def test_a_reset_closes_the_connection_without_an_answer(stripe: Catalog, fault, made) -> None:
    """A reset closes the connection without an answer."""
    with (
        serve(stripe, faults=Faults.parse(fault)) as running,
        httpx.Client(base_url=running.url, headers=KEY) as client,
        pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)),
    ):
        client.post("/v1/products", data={"name": "x"})
    assert len(running.simulator.ledger()) == made


def test_a_hang_keeps_the_client_waiting_and_does_not_keep_the_server(stripe: Catalog) -> None:
    """A hang keeps the client waiting, but not the server from closing."""
    with (
        serve(stripe, faults=Faults.parse("hang:100%")) as running,
        httpx.Client(base_url=running.url, headers=KEY, timeout=0.2) as client,
        pytest.raises(httpx.ReadTimeout),
    ):
        client.post("/v1/products", data={"name": "x"})


def test_a_port_in_use_is_an_error_that_names_it(stripe: Catalog, server) -> None:
    """A port in use is an error that names it."""
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{server.port}"):
        serve(stripe, port=server.port)


def test_closing_frees_the_port_and_the_thread(stripe: Catalog) -> None:
    """Closing frees the port and the thread."""
    running = serve(stripe)
    running.close()
    running.close()
    assert not any(thread.name == "simulator" and not thread.is_alive() for thread in threading.enumerate())
    with serve(stripe, port=running.port) as again:
        assert again.url == running.url


async def test_the_application_without_a_server(stripe: Catalog) -> None:
    """``SimulatorApp`` serves under any ASGI server or transport."""
    transport = httpx.ASGITransport(app=SimulatorApp(Simulator(stripe)))
    async with httpx.AsyncClient(transport=transport, base_url="http://sim", headers=KEY) as client:
        assert (await client.post("/v1/customers", data={"name": "x"})).json()["name"] == "x"
        assert (await client.get("/v1/customers")).json()["has_more"] is False


def raw(server: SimulatorServer, data: bytes) -> bytes:
    """All that the server says to some bytes, until it closes."""
    with socket.create_connection((server.host, server.port), timeout=20) as client:
        client.sendall(data)
        said = b""
        with suppress(ConnectionResetError):
            while part := client.recv(65536):
                said += part
    return said


def request(host: str, more: str = "") -> bytes:
    return f"GET /v1/products HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n".encode()


HOSTS = {
    "127.0.0.1": True,
    "127.0.0.1:{port}": True,
    "LOCALHOST:{port}": True,
    "[::1]:{port}": True,
    "10.1.2.3:80": True,  # an address: no name of a web page's
    "evil.example": False,
    "evil.example:{port}": False,
    "localhost.evil.example:{port}": False,
    "127.0.0.1.evil.example": False,
    "": False,
}


@pytest.mark.parametrize("host", HOSTS)
def test_it_answers_for_its_own_names_only(server: SimulatorServer, host: str) -> None:
    """A web page whose name leads to this machine (DNS rebinding) is told that this is another server."""
    said = raw(server, request(host.format(port=server.port), "Authorization: Bearer sk_test_abc\r\n"))
    assert said.startswith(b"HTTP/1.1 200 " if HOSTS[host] else b"HTTP/1.1 421 ")


def test_other_names_are_allowed_one_by_one(stripe: Catalog) -> None:
    """A container is asked for by its name."""
    with serve(stripe, names=["Stripe-Double"]) as running:
        assert raw(running, request("stripe-double:80")).startswith(b"HTTP/1.1 401 ")
        assert raw(running, request("stripe-doubles")).startswith(b"HTTP/1.1 421 ")


HEAD = b"POST /v1/products HTTP/1.1\r\nHost: localhost\r\n"
GARBAGE = {
    "nothing of HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a line without end": b"GET /" + b"a" * 200_000,
    "headers without end": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 50_000,
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "a chunk that is none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
    "a body beyond all bounds": HEAD + b"Content-Length: 99999999999\r\n\r\n" + b"a" * (65 << 20),
    "no header ends": b"POST /v1/products HTTP/1.1\rHost: localhost\r\r",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_costs_its_connection_only(server: SimulatorServer, name: str) -> None:
    """It is refused or cut off, and the next client is served."""
    with socket.create_connection((server.host, server.port), timeout=20) as client, suppress(OSError):
        client.sendall(GARBAGE[name])
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass
    assert raw(server, request("localhost", "Authorization: Bearer sk_test_abc\r\n")).startswith(b"HTTP/1.1 200 ")


FORMS = {
    "&".join(f"a{i}=1" for i in range(60_000)): ("application/x-www-form-urlencoded", "50,000 parameters"),
    '{"a":[' + "[]," * 60_000 + "[]]}": ("application/json", "50,000 values"),
    "--x\r\n\r\n" * 60_000: ("multipart/form-data; boundary=x", "50,000 parts"),
}


@pytest.mark.parametrize("body", FORMS, ids=[reason for _, reason in FORMS.values()])
def test_a_request_has_so_many_parameters(server: SimulatorServer, body: str) -> None:
    """Counted before they are read."""
    kind, reason = FORMS[body]
    sent = httpx.post(f"{server.url}/v1/products", content=body, headers={**KEY, "Content-Type": kind})
    assert sent.status_code == 400
    assert reason in sent.json()["error"]["message"]


def test_bodies_of_all_requests_are_bounded(server: SimulatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one beyond is told to come again; what was held for others is let go of."""
    monkeypatch.setattr("host.simulator.app.MAX_HELD", 100_000)
    kind = {**KEY, "Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(3):
        sent = httpx.post(f"{server.url}/v1/products", content=b"name=" + b"a" * 90_000, headers=kind)
        assert sent.status_code in (200, 400)
    sent = httpx.post(f"{server.url}/v1/products", content=b"name=" + b"a" * 200_000, headers=kind)
    assert sent.status_code == 503


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET /v1/prod", b"POST /v1/products HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nname"],
    ids=["silent", "in its head", "in its body"],
)
def test_a_client_that_does_not_come_to_an_end_is_cut_off(
    stripe: Catalog, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    """However slowly it goes on; one that waits for an answer is not."""
    monkeypatch.setattr("host.serve.server.REQUEST_TIMEOUT", 0.05)
    with serve(stripe) as running:
        assert raw(running, begun) == b""
    with serve(stripe, faults=Faults.parse("latency:300ms")) as running:
        assert raw(running, request("localhost")).startswith(b"HTTP/1.1 401 ")


def test_a_full_store_says_so_and_keeps_what_it_has(stripe: Catalog) -> None:
    """By objects and by bytes; reading, deleting and making smaller go on."""
    for store, reason in ((Store(most=4), "4 objects"), (Store(most_bytes=30_000), "MB")):
        with serve(stripe, store=store) as running, httpx.Client(base_url=running.url, headers=KEY) as client:
            made = [client.post("/v1/customers", data={"description": "x" * 5000}) for _ in range(12)]
            good = [each.json()["id"] for each in made if each.status_code == 200]
            full = made[-1]
            assert 0 < len(good) < 12
            assert full.status_code == 507
            assert reason in full.json()["error"]["message"]
            keyed = client.post("/v1/customers", data={"name": "x"}, headers={"Idempotency-Key": "k"})
            assert keyed.status_code == 507 if reason == "4 objects" else keyed.status_code in (200, 507)
            assert client.get(f"/v1/customers/{good[0]}").status_code == 200
            assert client.post(f"/v1/customers/{good[0]}", data={"description": "y"}).status_code == 200
            assert client.delete(f"/v1/customers/{good[0]}").status_code == 200
            assert len(client.get("/v1/customers").json()["data"]) >= len(good) - 1
