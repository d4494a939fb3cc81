"""The simulator over HTTP, on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest

from host.apis.catalog import Catalog
from host.errors import UsageError
from host.simulator.app import SimulatorApp
from host.simulator.faults import Faults
from host.simulator.server import SimulatorServer, serve
from host.simulator.simulator import Simulator

KEY = {"Authorization": "Bearer sk_test_abc"}


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    from host.apis.stripe import load

    with serve(load(), key="sk_test_abc") as running:
        yield running


def test_objects_over_the_network(server) -> None:
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
    with httpx.Client(base_url=server.url) as client:
        assert client.get("/v1/products").status_code == 401
        assert (
            client.get("/v1/products", headers={"Authorization": "Bearer sk_test_other"}).status_code == 401
        )
        assert client.get("/v1/products", auth=("sk_test_abc", "")).status_code == 200


def test_a_file_upload(server) -> None:
    with httpx.Client(base_url=server.url, headers=KEY) as client:
        sent = client.post(
            "/v1/files",
            data={"purpose": "dispute_evidence"},
            files={"file": ("scan.png", b"12345", "image/png")},
        ).json()
        assert (sent["filename"], sent["size"], sent["type"]) == ("scan.png", 5, "png")
        assert sent["purpose"] == "dispute_evidence"


def test_many_clients_at_once_each_get_their_own(server) -> None:
    made: list[str] = []

    def work(name: str) -> None:
        with httpx.Client(base_url=server.url, headers=KEY) as client:
            made.extend(
                client.post("/v1/customers", data={"name": f"{name}{n}"}).json()["id"] for n in range(20)
            )

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 80


@pytest.mark.parametrize(("fault", "made"), [("reset-before:100%", 0), ("reset-after:100%", 1)])
def test_a_reset_closes_the_connection_without_an_answer(stripe: Catalog, fault, made) -> None:
    with (
        serve(stripe, faults=Faults.parse(fault)) as running,
        httpx.Client(base_url=running.url, headers=KEY) as client,
        pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)),
    ):
        client.post("/v1/products", data={"name": "x"})
    assert len(running.simulator.ledger()) == made


def test_a_hang_keeps_the_client_waiting_and_does_not_keep_the_server(stripe: Catalog) -> None:
    with (
        serve(stripe, faults=Faults.parse("hang:100%")) as running,
        httpx.Client(base_url=running.url, headers=KEY, timeout=0.2) as client,
        pytest.raises(httpx.ReadTimeout),
    ):
        client.post("/v1/products", data={"name": "x"})


def test_a_port_in_use_is_an_error_that_names_it(stripe: Catalog, server) -> None:
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{server.port}"):
        serve(stripe, port=server.port)


def test_closing_frees_the_port_and_the_thread(stripe: Catalog) -> None:
    running = serve(stripe)
    running.close()
    running.close()
    assert not any(thread.name == "simulator" and not thread.is_alive() for thread in threading.enumerate())
    with serve(stripe, port=running.port) as again:
        assert again.url == running.url


async def test_the_application_without_a_server(stripe: Catalog) -> None:
    transport = httpx.ASGITransport(app=SimulatorApp(Simulator(stripe)))
    async with httpx.AsyncClient(transport=transport, base_url="http://sim", headers=KEY) as client:
        assert (await client.post("/v1/customers", data={"name": "x"})).json()["name"] == "x"
        assert (await client.get("/v1/customers")).json()["has_more"] is False
