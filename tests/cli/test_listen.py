"""``listen`` as a process: what it says, what it refuses, how it ends."""

from __future__ import annotations

import hmac
import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from host.apis.stripe import load
from host.simulator.fault_injection import Faults
from host.simulator.server import serve
from host.simulator.simulator import Exchange, Simulator
from tests.cli.conftest import Cli
from tests.webhooks.conftest import SECRET, body, signed

Process = Callable[..., subprocess.Popen[bytes]]
PATHS = ("", "x", "/a?b", "/a#b", "/a b", "/%41")
INTEGER = {"type": "integer"}
HANDLER = 'on("invoice.paid", function(event) print("paid", event.object.id) end)'


@pytest.fixture
def handlers(tmp_path: Path) -> str:
    (tmp_path / "handlers.lua").write_text(HANDLER)
    return "handlers.lua"


def address(running: subprocess.Popen[bytes]) -> str:
    assert running.stderr is not None
    line = running.stderr.readline().decode()
    found = re.search(r"listening at (\S+)", line)
    assert found is not None, line
    return found[1]


def test_events_are_printed_as_they_end_and_sigterm_ends_it_well(process: Process, handlers: str) -> None:
    """One line for each event on stderr, what handlers print on stdout, status 0."""
    running = process("listen", handlers, "--simulate", "--port", "0", "--secret", SECRET, "--journal", "j.sqlite")
    url = address(running)
    assert httpx.post(url, content=body(), headers=signed(body())).json() == {"received": True}
    assert httpx.post(url, content=body(), headers={}).status_code == 400
    assert running.stdout is not None
    assert running.stdout.readline() == b"paid\tin_1\n"
    assert httpx.get(url.replace("/webhook", "/healthz")).text == "ok"
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 0
    assert re.search(r"\d\d:\d\d:\d\d  invoice\.paid  evt_1  done\n", err.decode())
    assert "stopping: handlers in progress may finish" in err.decode()
    assert SECRET not in err.decode()


def test_a_failed_event_is_listed_and_resumed(process: Process, cli: Cli, handlers: str, tmp_path: Path) -> None:
    """After the last attempt; mended, ``resume`` does what is left."""
    Path(handlers).write_text("on('*', function() error('no') end)")
    running = process(
        "listen", handlers, "--simulate", "--port", "0", "--secret", SECRET, "--journal", "j.sqlite", "--attempts", "1"
    )
    httpx.post(address(running), content=body(), headers=signed(body()))
    assert running.stderr is not None
    assert b"evt_1  failed: handlers.lua:1: no" in running.stderr.readline()
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    listed = cli("runs", "list", "--failed", "--journal", "j.sqlite").out
    assert "handlers:evt_1  failed" in listed
    Path(handlers).write_text(HANDLER)
    assert cli("resume", "handlers:evt_1", "--journal", "j.sqlite").out == "paid\tin_1\n"
    assert "handlers:evt_1" not in cli("runs", "list", "--failed", "--journal", "j.sqlite").out


def test_an_error_cannot_steer_the_terminal_or_forge_a_line(process: Process, handlers: str) -> None:
    """One line for each event, of printable text, whatever the error of its handler says."""
    Path(handlers).write_text(
        r"""on("*", function() error("\27]0;owned\7\r\n12:00:00  invoice.paid  evt_2  done\0") end)"""
    )
    running = process(
        "listen", handlers, "--simulate", "--port", "0", "--secret", SECRET, "--journal", "j.sqlite", "--attempts", "1"
    )
    httpx.post(address(running), content=body(), headers=signed(body()))
    assert running.stderr is not None
    line = running.stderr.readline().decode()
    assert "evt_1  failed: handlers.lua:1: ?]0;owned?? 12:00:00  invoice.paid  evt_2  done?" in line
    assert line.rstrip("\n").isprintable()
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)


def test_events_of_an_added_document_are_checked_by_it(process: Process, cli: Cli, tmp_path: Path) -> None:
    """Another sender's: what is as its document says is handled, what is not is told and kept as a failed run."""
    schema = {"type": "object", "required": ["n"], "properties": {"type": {"const": "pet.adopted"}, "n": INTEGER}}
    content = {"content": {"application/json": {"schema": schema}}}
    document: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": "Pets", "version": "1"}}
    document["webhooks"] = {"pet.adopted": {"post": {"requestBody": content}}}
    Path("pets.json").write_text(json.dumps(document))
    Path("pets.lua").write_text('on("pet.adopted", function(event) print("n", event.n) end)')
    verify = ("--verify", "hmac-sha256:X-Signature", "--secret", "s", "--attempts", "1", "--journal", "j.sqlite")
    running = process("listen", "pets.lua", "--api", "pets=pets.json", "--simulate", "--port", "0", *verify)
    url = address(running)
    for id, n in (("e_1", 3), ("e_2", "three")):
        payload = json.dumps({"id": id, "type": "pet.adopted", "n": n}).encode()
        headers = {"X-Signature": hmac.new(b"s", payload, "sha256").hexdigest()}
        assert httpx.post(url, content=payload, headers=headers).status_code == 200
    assert running.stdout is not None
    assert running.stdout.readline() == b"n\t3\n"
    assert running.stderr is not None
    told = {line.split()[3].decode(): line.decode() for line in (running.stderr.readline() for _ in range(2))}
    assert set(told) == {"done", "failed:"}
    assert "not a pet.adopted as documented by pets: n: expected an integer, got a string" in told["failed:"]
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)
    assert "pets:e_2  failed" in cli("runs", "list", "--failed", "--journal", "j.sqlite").out


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("handlers.lua",), 3, "no secret to verify webhooks with"),
        (("handlers.lua", "--simulate", "--since", "yesterday", "--poll"), 2, "--since yesterday: expected all"),
        (("handlers.lua", "--simulate", "--since", "all"), 2, "give the interval too, with poll"),
        (("handlers.lua", "--simulate", "--verify", "githb"), 2, "--verify: expected hmac-sha256"),
        (("handlers.lua", "--simulate", "--field", "type"), 2, "expected NAME=PATH"),
        (("handlers.lua", "--simulate", "--field", "id=a..b"), 2, "expected NAME=PATH"),
        (("handlers.lua", "--simulate", "--field", "id=a", "--field", "id=b"), 2, "id is given twice"),
        (("handlers.lua", "--simulate", "--field", "foo=bar"), 2, "one of id, type, object, created"),
        *((("handlers.lua", "--simulate", "--path", path), 2, "a path such as /webhook") for path in PATHS),
        *((("handlers.lua", "--simulate", "--poll", word), 2, "--poll") for word in ("0", "-1", "-0.5", "nan", "1e99")),
        (("handlers.lua", "--simulate", "--poll=0"), 2, "not in the range 0<x<="),
        (("handlers.lua", "--simulate", "--poll", "--verify", "github"), 2, "cannot be combined with verify"),
        (("handlers.lua", "--simulate", "--poll", "--since", "2999-01-01"), 2, "in the future"),
        *((("handlers.lua", "--simulate", "--attempts", n), 2, "--attempts") for n in ("0", "-1", "x", "10001")),
        *((("handlers.lua", "--simulate", "--retry-delay", n), 2, "--retry-delay") for n in ("0", "-1", "nan", "inf")),
        *((("handlers.lua", "--simulate", "--concurrency", n), 2, "--concurrency") for n in ("0", "1.5")),
        *((("handlers.lua", "--simulate", "--port", n), 2, "--port") for n in ("-1", "65536", "http")),
        (("handlers.lua", "--simulate", "--secret", ""), 2, "secret: expected"),
        (("handlers.lua", "--simulate", "--name", ""), 2, "name is ''"),
        (("handlers.lua", "--simulate", "--verify", "github"), 3, "no secret to verify webhooks with"),
        (("nowhere.lua", "--simulate"), 2, "nowhere.lua"),
        (("handlers.lua", "handlers.lua", "--simulate"), 2, "one handler script"),
    ],
)
def test_what_cannot_be_is_refused_before_it_listens(
    cli: Cli, handlers: str, words: tuple[str, ...], status: int, message: str
) -> None:
    """Each by its name, with the exit code of its kind."""
    done = cli("listen", *words)
    assert (done.status, message in done.err) == (status, True), done.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("on('invoice.paid', function(event)\n  print(event.id\nend)", "handlers.lua:3: ')' expected"),
        ("local x = 1\nlocal y = !x", "handlers.lua:2:"),
        ("function handle(event) end", "has no on(…)"),
        ("-- on('x', f)\nlocal t = \"on('x')\"", "has no on(…)"),
        ("", "has no on(…)"),
        ("\n\non('invoice.payed', print)", 'handlers.lua:3: on: there is no event "invoice.payed"; did you mean'),
        ('on("customer.*", print) on ( "invoce.*", print)', 'handlers.lua:1: on: there is no event "invoce.*"'),
    ],
)
def test_a_handler_that_can_handle_nothing_is_refused_with_its_line(
    cli: Cli, handlers: str, text: str, message: str
) -> None:
    """Before it listens or asks, with the exit code of a script's error; not at the first event, which was paid for."""
    Path(handlers).write_text(text)
    for words in ((), ("--poll",)):
        done = cli("listen", handlers, "--simulate", "--port", "0", *words)
        assert (done.status, message in done.err) == (1, True), done.err
        assert "listening" not in done.err


def test_options_of_an_endpoint_are_told_to_have_no_effect_where_events_are_asked_for(
    process: Process, handlers: str
) -> None:
    """It asks all the same."""
    running = process("listen", handlers, "--simulate", "--poll", "60", "--port", "1", "--journal", "j.sqlite")
    assert running.stderr is not None
    assert b"--port has no effect: with --poll" in running.stderr.readline()
    assert b"polling for events every 60 s" in running.stderr.readline()
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    assert running.returncode == 0


def test_what_comes_once_it_says_that_it_asks_is_new(
    process: Process, handlers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An API that takes its time over the first question: before its answer nothing is said, since what it lists then
    counts as old."""

    class Slow(Simulator):
        listed = 0

        def _finish(self, exchange: Exchange) -> Any:
            answer = super()._finish(exchange)
            self.listed += 1
            return answer

    api = Slow(load(), key="sk_test_slowslowslow")
    api.faults = Faults.parse("latency:700ms")
    with serve(api) as server:
        monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_slowslowslow")
        monkeypatch.setenv("STRIPE_API_BASE", server.url)
        running = process("listen", handlers, "--poll", "60", "--journal", "j.sqlite")
        assert running.stderr is not None
        assert b"polling for events every 60 s" in running.stderr.readline()
        assert api.listed
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
    assert running.returncode == 0


def test_a_key_without_a_secret_listens_to_nobody(cli: Cli, handlers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says where the secret is found and how it is given."""
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_4eC39HqLyjWDarjtT1zdp7dc")
    done = cli("listen", handlers, "--journal", "j.sqlite")
    assert done.status == 3
    assert "no secret to verify webhooks with" in done.err
    assert "STRIPE_WEBHOOK_SECRET" in done.err
