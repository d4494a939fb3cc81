"""simulate: a port to talk to, and how to get there."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from host.errors import UsageError
from host.simulator.simulator import Simulator
from tests.cli.conftest import Cli

Process = Callable[..., subprocess.Popen[bytes]]


def settings(child: subprocess.Popen[bytes]) -> dict[str, str]:
    """What the first three lines say to export."""
    assert child.stdout is not None
    lines = [child.stdout.readline().decode() for _ in range(3)]
    found = dict(match.groups() for line in lines if (match := re.match(r"export (\w+)=(.*)\n", line)))
    assert f"simulator at {found['STRIPE_API_BASE']} (" in lines[0]
    return found


def export(monkeypatch: pytest.MonkeyPatch, found: dict[str, str]) -> None:
    for name, value in found.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("transport", ["auto", "httpx"])
def test_what_it_prints_leads_a_run_to_it(
    process: Process, cli: Cli, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    """With the printed settings a run speaks to the simulator over the network, and its state stays."""
    child = process("simulate")
    export(monkeypatch, settings(child))
    monkeypatch.setenv("HOST_TRANSPORT", transport)
    created = cli("run", "-e", 'return new_product():name("Shirt"):create()')
    assert (created.status, created.err) == (0, "")
    found = cli("run", "-e", "return stripe.products.retrieve(args[1]).name", created.out.strip())
    assert (found.status, found.out) == (0, "Shirt\n")
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (0, b"", b"")


def test_a_key_shuts_others_out(process: Process, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """--key accepts that key only; another one is an uncaught API error, masked."""
    found = settings(process("simulate", "--key", "sk_test_mine"))
    assert found["STRIPE_SECRET_KEY"] == "sk_test_mine"
    export(monkeypatch, found)
    assert cli("run", "-e", "stripe.products.list()").status == 0
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_51AbCdEfGhIjKlMnOpQr4242")
    refused = cli("run", "-e", "stripe.products.list()")
    assert refused.status == 4
    assert "status 401" in refused.err
    assert "AbCd" not in refused.err


def test_a_store_outlives_the_process(
    process: Process, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """--store keeps what was created, also when the process is killed."""
    store = str(tmp_path / "state.sqlite")
    child = process("simulate", "--store", store)
    export(monkeypatch, settings(child))
    created = cli("run", "-e", 'return new_product():name("Shirt"):create()').out.strip()
    child.kill()
    child.wait(30)
    export(monkeypatch, settings(process("simulate", "--store", store)))
    assert cli("run", "-e", "return stripe.products.retrieve(args[1]).name", created).out == "Shirt\n"


def test_a_port_that_is_taken_is_named(cli: Cli) -> None:
    """Another program on the port: status 2 and the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = cli("simulate", "--port", str(port))
    assert (done.status, done.out) == (2, "")
    assert f"127.0.0.1:{port}" in done.err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--faults", "often"), "unknown fault"),
        (("--key", "sk_test_demo_key"), "does not count as a key"),
        (("--port", "70000"), "--port"),
    ],
)
def test_wrong_usage_is_status_2(cli: Cli, arguments: tuple[str, ...], text: str) -> None:
    """Bad options are named before anything listens."""
    done = cli("simulate", *arguments)
    assert (done.status, done.out) == (2, "")
    assert text in done.err


def test_events_are_forwarded_signed_with_the_secret_it_prints(process: Process, tmp_path: Path) -> None:
    """To an endpoint on this machine, those that were asked for."""
    from host.serve.signatures import verify
    from tests.simulator.test_events import Receiver

    receiver = Receiver()
    try:
        running = process("simulate", "--port", "0", "--forward-to", receiver.url, "--events", "customer.*")
        assert running.stdout is not None
        lines = [running.stdout.readline().decode() for _ in range(4)]
        url = lines[1].strip().partition("=")[2]
        secret = lines[3].strip().removeprefix("export STRIPE_WEBHOOK_SECRET=")
        for path in ("products", "customers"):
            headers = {"Authorization": "Bearer sk_test_simulated"}
            assert httpx.post(f"{url}/v1/{path}", data={"name": "x"}, headers=headers).status_code == 200
        assert running.stderr is not None
        assert running.stderr.readline().decode().split()[0] == "customer.created"
    finally:
        receiver.close()
    (_, body), *more = receiver.got
    assert more == []
    verify(body, receiver.got[0][0]["stripe-signature"], [secret], now=0, tolerance=float("inf"))


def test_nothing_can_happen_before_somebody_delivers_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the application is made that answers requests, deliveries listen and the address is known; no sooner."""

    def look(simulator: Simulator, **_: object) -> None:
        assert simulator.backend.events is not None
        raise UsageError(f"{len(simulator.backend.events._listeners)} listens at {simulator.origin}")

    monkeypatch.setattr("host.simulator.server.SimulatorApp", look)
    done = cli("simulate", "--port", "0", "--forward-to", "http://localhost:9/hook")
    assert re.match(r"1 listens at http://127\.0\.0\.1:\d+", done.err), done.err


NO_URLS = ("", "localhost:4242", "ftp://localhost/x", "http://", "http://localhost:99999/", "http://localhost,")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--events", "customer.*"), "--forward-to"),
        *((("--forward-to", url), "expected a URL such as http://localhost:4242/webhook") for url in NO_URLS),
        (("--forward-to", "http://localhost,http://localhost"), "given twice"),
        (("--forward-to", "http://localhost", "--events", ""), "expected names of events"),
        (("--forward-to", "http://localhost", "--events", "customer.*,"), "expected names of events"),
        (("--forward-to", "http://localhost", "--events", "v1.custmer.created"), 'did you mean "v1.customer.created"'),
        (("--deliver", ""), "--deliver ''"),
        (("--deliver", "delay:2s,delay:3s"), "given twice"),
        (("--deliver", "delay:-1s"), "0s to 3600s"),
        (("--forward-to", "http://localhost", "--events", "custmer.created"), 'did you mean "customer.created"'),
        (("--deliver", "twice:5%"), "--deliver 'twice:5%'"),
    ],
)
def test_what_cannot_be_delivered_is_refused(cli: Cli, words: tuple[str, ...], message: str) -> None:
    """A usage error that names it."""
    done = cli("simulate", *words)
    assert (done.status, message in done.err) == (2, True), done.err


@pytest.mark.parametrize(
    "clock", ["frozen:1800000000", "frozen:2027-01-15T08:00:00", "frozen:2027-01-15T09:00:00+01:00"]
)
def test_a_frozen_clock_stands_still(process: Process, cli: Cli, monkeypatch: pytest.MonkeyPatch, clock: str) -> None:
    """--clock frozen:TIME: what is made is made at that time."""
    export(monkeypatch, settings(process("simulate", "--clock", clock)))
    found = cli("run", "-e", 'return stripe.products.create{name = "x"}.created')
    assert (found.status, found.out) == (0, "1800000000\n")


@pytest.mark.parametrize("clock", ["", "frozen", "frozen:", "frozen:soon", "then", "frozen:" + "9" * 30, "frozen:-1"])
def test_a_clock_that_is_none_is_refused(cli: Cli, clock: str) -> None:
    """The message says what is expected."""
    refused = cli("simulate", "--clock", clock)
    assert refused.status == 2
    assert "frozen:TIME" in refused.err
