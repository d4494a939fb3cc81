"""A listener that is killed at any moment: each event is handled once, none is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from host.apis.stripe import load
from host.simulator.server import serve
from host.simulator.simulator import Simulator
from tests.libraries.postgres import postgres, programs
from tests.webhooks.conftest import SECRET, body, signed

ROOT = Path(__file__).parents[2]
EVENTS = int(os.environ.get("LUAHOST_TEST_CRASH_EVENTS", "100"))
KILLS = int(os.environ.get("LUAHOST_TEST_CRASH_KILLS", "5"))
HANDLER = 'on("*", function(event) new_product():name(event.id):create() new_customer():name(event.id):create() end)'
KEY = "sk_test_simulated"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Listener:
    """``luahost listen`` as a process, started again after each kill."""

    def __init__(self, folder: Path, url: str, journal: str, *more: str, handler: str = HANDLER) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/webhook"
        (folder / "handlers.lua").write_text(handler)
        own = ("STRIPE_", "HOST_", "PYTEST")
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith(own)} | {
            "STRIPE_SECRET_KEY": KEY, "STRIPE_API_BASE": url, "STRIPE_WEBHOOK_SECRET": SECRET, "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        self._command = [
            sys.executable, "-m", "host", "listen", "handlers.lua", "--port", str(self.port), "--journal", journal,
            "--retry-delay", "0.2", "--attempts", "1000", *more,
        ]  # fmt: skip
        self._folder = folder
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, cwd=self._folder, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def wait(self) -> None:
        """Until it answers."""
        while True:
            assert self._process.poll() is None, self._process.communicate()
            try:
                assert httpx.get(self.url.replace("/webhook", "/healthz")).text == "ok"
            except httpx.TransportError:
                continue
            return

    def wait_for(self, text: str) -> None:
        """Until it says so on stderr."""
        assert self._process.stderr is not None
        while text.encode() not in (line := self._process.stderr.readline()):
            assert line, self._process.poll()

    def kill(self, number: int = signal.SIGKILL) -> tuple[int, str]:
        self._process.send_signal(number)
        _, err = self._process.communicate(timeout=60)
        return self._process.returncode, err.decode()

    def send(self, payload: bytes) -> bool:
        """Whether it was acknowledged."""
        try:
            return httpx.post(self.url, content=payload, headers=signed(payload), timeout=10).status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Listener]]:
    started: list[Listener] = []

    def begin(url: str, journal: str, *more: str, **options: str) -> Listener:
        started.append(Listener(tmp_path, url, journal, *more, **options))
        return started[-1]

    yield begin
    for each in started:
        if each._process.poll() is None:
            each.kill()


@pytest.fixture(params=["sqlite", "postgresql"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Where it is recorded, and how many listeners share it."""
    if request.param == "sqlite":
        yield str(tmp_path / "journal.sqlite"), 1
        return
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgres(found) as url:
        yield url, 2


def test_each_event_is_handled_once_over_kills(start: Callable[[str, str], Listener], journal: tuple[str, int]) -> None:
    """Duplicates and reordering, a sender that tries again what was not acknowledged, and kill -9 in between.

    On PostgreSQL two listeners share the journal, and take over what the other one had.
    """
    chance = random.Random(7)
    where, number = journal
    with serve(load()) as server:
        simulator: Simulator = server.simulator
        listeners = [start(server.url, where) for _ in range(number)]
        listeners[0].wait()
        todo = [body(f"evt_{n}", object=f"in_{n % 7}", created=n) for n in range(EVENTS)]
        todo += chance.sample(todo, EVENTS // 5)
        chance.shuffle(todo)
        kills = sorted(chance.sample(range(len(todo)), KILLS))
        for n, payload in enumerate(todo):
            if kills and n >= kills[0]:
                kills.pop(0)
                killed = chance.choice(listeners)
                killed.kill()
                killed.start()
            while not chance.choice(listeners).send(payload):  # until one that is up has it
                assert all(each._process.poll() is None for each in listeners)
        for each in listeners:
            each.kill()
            each.start()
        for each in listeners:
            each.wait()
        until = time.monotonic() + 90  # longer than a lease
        while time.monotonic() < until:
            made = Counter(kind for kind, _ in simulator.ledger())
            if made["customer"] == EVENTS:
                break
            time.sleep(0.05)
        for each in listeners:
            status, err = each.kill(signal.SIGTERM)
            assert status == 0, err
        names = {
            kind: Counter(
                json.loads(simulator.store.record(kind, id).body)["name"]
                for its_kind, id in simulator.ledger()
                if its_kind == kind
            )
            for kind in ("product", "customer")
        }
    once = Counter({f"evt_{n}": 1 for n in range(EVENTS)})
    assert names == {"product": once, "customer": once}


def test_asking_for_events_loses_none_over_kills(tmp_path: Path, start: Callable[..., Listener]) -> None:
    """``--poll`` against a simulator on a port: what happened while nobody asked is asked for afterwards, once."""
    chance = random.Random(11)
    handler = 'on("coupon.created", function(event) new_product():name(event.object.id):create() end)'
    with serve(load()) as server:
        options = ("--poll", "0.1", "--since", "all")
        listener = start(server.url, str(tmp_path / "journal.sqlite"), *options, handler=handler)
        kills = chance.sample(range(EVENTS), KILLS)
        for n in range(EVENTS):
            form = {"id": f"c_{n}", "percent_off": "10", "duration": "once"}
            headers = {"Authorization": f"Bearer {KEY}"}
            assert httpx.post(f"{server.url}/v1/coupons", data=form, headers=headers).status_code == 200
            if n in kills:
                time.sleep(2 * chance.random())  # before it asks, while it does, or later
                listener.kill()
                listener.start()
        until = time.monotonic() + 90
        while len(_names(server.simulator, "product")) < EVENTS and time.monotonic() < until:
            time.sleep(0.05)
        listener.wait_for("polling for events")  # what is not there yet cannot end well
        status, err = listener.kill(signal.SIGTERM)
        assert status == 0, err
        assert Counter(_names(server.simulator, "product")) == Counter(f"c_{n}" for n in range(EVENTS))


def _names(simulator: Simulator, kind: str) -> list[str]:
    """The names of all objects of a kind."""
    made = [id for its_kind, id in simulator.ledger() if its_kind == kind]
    return [json.loads(simulator.store.record(kind, id).body)["name"] for id in made]


def test_a_listener_is_there_for_others_while_one_sends_slowly(
    tmp_path: Path, start: Callable[[str, str], Listener]
) -> None:
    """Half a request, a hundred idle connections, a body that claims a gigabyte: the next event is acknowledged."""
    with serve(load()) as server:
        listener = start(server.url, str(tmp_path / "journal.sqlite"))
        listener.wait()
        address = ("127.0.0.1", listener.port)
        held = [socket.create_connection(address) for _ in range(100)]
        half = socket.create_connection(address)
        half.sendall(b"POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        huge = socket.create_connection(address)
        huge.sendall(b"POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n\r\n")
        assert b" 413 " in huge.recv(100)
        assert listener.send(body("evt_2"))
        for each in (*held, half, huge):
            each.close()
        assert listener.kill(signal.SIGTERM)[0] == 0
