"""What is shown live at a terminal: driven on a pseudo-terminal that an emulator reads."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from host.serve import signatures
from tests.cli.terminal import Terminal

HARMLESS = re.compile(r"\x1b\[(?:\d*[AJK]|0m)")
"""Erase, go up, colours off: what may be left in the middle of, as it changes no mode of the terminal."""


def shows(text: str) -> Callable[[list[str]], bool]:
    return lambda lines: any(text in line for line in lines)


@pytest.mark.parametrize(
    ("given", "environment"),
    [
        (("-q", "-e", "sleep(1.5) print(1)"), {}),
        (("--quiet", "--no-prefix", "--repeat", "1", "-e", "sleep(1.5) print(1)"), {}),
        (("-e", "sleep(1.5) print(1)"), {"TERM": "dumb"}),
        (("-e", "sleep(1.5) print(1)"), {"TERM": None}),
    ],
    ids=["quiet", "quiet batch", "dumb", "no TERM"],
)
def test_nothing_is_drawn(given: tuple[str, ...], environment: dict[str, str | None]) -> None:
    """--quiet, and terminals that cannot: the bytes are those of a pipe."""
    with Terminal("run", "--simulate", *given, **environment) as terminal:
        assert terminal.end() == 0
        assert b"\x1b" not in terminal.raw
        assert terminal.lines[0] == "1"


def test_nothing_is_drawn_where_stderr_is_no_terminal(process: Callable[..., Any]) -> None:
    """A log file gets no escapes, however long it takes."""
    child = process("run", "--simulate", "-e", "sleep(1.5) print(1)")
    assert child.communicate(timeout=60) == (b"1\n", b"")


def test_a_run_shows_its_tasks_and_leaves_what_it_printed() -> None:
    """A line for each task that waits, one for the run, below the output; at the end there is the output alone."""
    code = """
      print("begin \\27[31mred\\27[0m")
      map({1, 2, 3}, function(i)
        sleep(1) with_timeout(20, function() sleep(1) end) print("task", i)
      end)"""
    with Terminal("run", "--simulate", "-e", code) as terminal:
        lines = terminal.until(shows("task 1.3"))
        assert lines[0] == "begin red"
        assert [line.partition("  ")[0] for line in lines[1:]] == ["task 1.1", "task 1.2", "task 1.3", "-e"]
        assert terminal.end() == 0
        assert sorted(terminal.lines[1:]) == [f"task    {i}" for i in (1, 2, 3)]
        assert "\x1b[?" not in terminal.raw.decode()


def test_many_rows_on_a_small_terminal(tmp_path: Path) -> None:
    """Three thousand rows with names that would steer a terminal, on 20 columns and 5 lines: all output is there, in
    whole lines, and of the names nothing but printable signs reached it."""
    rows = "".join(f'"\x1b[2J\x1b[?25l日本 {n}",{n}\n' for n in range(3000))
    (tmp_path / "r.csv").write_text(f"name,n\n{rows}")
    code = "if rows.first then sleep(1.5) end sleep(0.2) print(row.n)"
    with Terminal("run", "--simulate", "--jobs", "300", "--each", "r.csv", "-e", code, columns=20, lines=5) as terminal:
        lines = terminal.until(shows("… and 2"))
        assert all(len(line) <= 20 for line in lines)
        assert len(lines) <= 5
        assert terminal.end() == 0
        assert "\x1b[?25l" not in terminal.raw.decode()
        assert HARMLESS.sub("", terminal.raw.decode()).count("\x1b") == 0
        printed = [int(found[1]) for found in re.finditer(r"^r\.csv:\d+: (\d+)$", terminal.text, re.MULTILINE)]
        assert sorted(printed) == list(range(3000))
        assert "…" not in terminal.text
        assert "3,000 runs, 0 failed" in "".join(terminal.lines)


@pytest.mark.parametrize("given", [(), ("--repeat", "3"), ("--repeat", "3", "--processes", "2")])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_the_terminal_clean(given: tuple[str, ...], number: int) -> None:
    """The drawn lines are gone, the messages are there, and no mode was ever changed."""
    with Terminal("run", "--simulate", *given, "-e", 'print("on") sleep(1000)') as terminal:
        terminal.until(shows("waits: timer"))
        if number == signal.SIGINT:
            terminal.type("\x03")
        else:
            terminal.process.send_signal(number)
        assert terminal.end() == 128 + number
        assert not any("waits" in line for line in terminal.lines)
        assert any("interrupted" in line for line in terminal.lines)
        assert HARMLESS.sub("", terminal.raw.decode()).count("\x1b") == 0
        assert terminal.screen.cursor.x == 0


def test_a_second_interrupt_leaves_it_clean_too() -> None:
    """The process ends at once, with what was drawn taken away before."""
    code = "local ok = pcall(sleep, 1000) while true do pcall(sleep, 1000) end"
    with Terminal("run", "--simulate", "-e", code) as terminal:
        terminal.until(shows("waits: timer"))
        terminal.type("\x03\x03")
        assert terminal.end() == 130
        assert not any("waits" in line for line in terminal.lines)


def test_a_question_can_be_answered() -> None:
    """While a script reads from the terminal nothing is drawn into what is typed."""
    code = 'sleep(1.3) io.write("Name? ") local name = io.read() sleep(0.5) print("hello " .. name)'
    with Terminal("run", "--simulate", "-e", code) as terminal:
        terminal.until(lambda lines: lines == ["Name?"])
        terminal.type("An")
        terminal.until(lambda lines: lines == ["Name? An"])
        terminal.type("n\n")
        terminal.until(shows("-e  "))
        assert terminal.end() == 0
        assert terminal.lines == ["Name? Ann", "hello Ann"]


def test_what_calls_wait_for_is_shown(process: Callable[..., Any], tmp_path: Path) -> None:
    """A rate, retries and an open circuit breaker, told by name with how many wait, of a server that is real."""
    server = process("simulate", "--faults", "500:100%")
    told = "".join(server.stdout.readline().decode() for _ in range(3))
    known = dict(re.findall(r"(STRIPE_(?:API_BASE|SECRET_KEY))=(\S+)", told))
    assert len(known) == 2, told
    code = "map({1, 2, 3, 4, 5, 6}, function(i) try(stripe.products.list, {limit = i}) end)"
    limits = "stripe:rate=4,burst=1,retries=9"
    with Terminal("run", "--api-limits", limits, "-e", code, **known) as terminal:
        for reason in ("rate limit", "retry", "circuit breaker"):
            terminal.until(lambda lines, reason=reason: re.search(rf"waits: {reason} [\d.]+ s", "\n".join(lines)))
            terminal.until(lambda lines, reason=reason: re.search(rf"open, \d wait: .*{reason} \d", lines[-1]))
        terminal.type("\x03")
        assert terminal.end() == 130


def test_the_window_gets_narrower() -> None:
    """The next drawing fits it."""
    with Terminal("run", "--simulate", "--repeat", "50", "-e", "sleep(3)", columns=100) as terminal:
        terminal.until(shows("under way"))
        terminal.resize(20, 12)
        terminal.until(lambda lines: any(line.endswith("…") for line in lines))
        assert all(len(line) < 20 for line in terminal.lines)
        assert terminal.end() == 0


def test_a_reader_that_left_ends_the_run_with_a_clean_terminal() -> None:
    """stdout is a pipe nobody reads: status 141, nothing said, nothing left of what was drawn."""
    reading, writing = os.pipe()
    with Terminal("run", "--simulate", "-e", "sleep(1.5) print(1) sleep(1000)", out=writing) as terminal:
        os.close(writing)
        terminal.until(shows("waits: timer"))
        os.close(reading)
        assert terminal.end() == 141
        assert terminal.lines == []


def test_rich_output_of_a_batch_at_a_terminal_is_whole_lines() -> None:
    """Pieces of lines of many runs, while lines are drawn: each is whole, behind its name."""
    code = 'for i = 1, 3 do io.write("a") sleep(0.5) io.write("b\\n") end'
    with Terminal("run", "--simulate", "--repeat", "5", "-e", code) as terminal:
        assert terminal.end() == 0
        assert sorted(terminal.lines[:-1]) == sorted(f"#{n}: ab" for n in range(1, 6) for _ in range(3))


def test_python_is_not_slower_to_start_for_it() -> None:
    """Where there is no terminal, none of the drawing is loaded."""
    code = (
        "import sys; from host.cli import main; main(['run', '--simulate', '-e', 'return 1']); "
        "print([name for name in sys.modules if 'live_lines' in name or 'run_lines' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "1\n[]\n"


def post(url: str, body: str) -> int:
    """Send a signed event; gives the status it is answered with."""
    headers = {"stripe-signature": signatures.sign(body.encode(), ["whsec_x"], int(time.time()))}
    return httpx.post(url, content=body, headers=headers).status_code


def test_listen_shows_the_events_it_handles(tmp_path: Path) -> None:
    """Those being handled with their call, and how many were received, handled, failed; gone when it ends."""
    (tmp_path / "h.lua").write_text(
        'on("*", function(event) if event.id == "evt_bad" then error("no") end if event.id == "evt_slow" then '
        "sleep(4) end end)"
    )
    given = ("listen", "h.lua", "--simulate", "--secret", "whsec_x", "--port", "0", "--attempts", "1")
    with Terminal(*given, HOST_JOURNAL=str(tmp_path / "j.sqlite")) as terminal:
        lines = terminal.until(shows("listening at"))
        found = re.search(r"listening at (\S+)", "\n".join(lines))
        assert found is not None
        for id in ("evt_1", "evt_2", "evt_bad", "evt_slow"):
            event = {"id": id, "object": "event", "type": "customer.created", "created": 1, "data": {"object": {}}}
            assert post(found[1], json.dumps(event)) == 200
        terminal.until(shows("4 received  2 handled  1 failed"))
        terminal.until(lambda lines: any(line.startswith("h:evt_slow") and "waits: timer" in line for line in lines))
        terminal.type("\x03")
        assert terminal.end() == 0
        assert not any("received" in line or "waits" in line for line in terminal.lines)
