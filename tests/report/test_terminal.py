"""The terminal sink: what -v and -vv show."""

from __future__ import annotations

import io

import pytest

from host.events import CallEnded, CallStarted, Event, Logged, Printed, RunEnded, RunStarted
from host.report.terminal import TerminalSink, span

STARTED = CallStarted("r1", 0.0, 1, "stripe.products.create", line=8, arguments={"name": "Shirt"})
ENDED = CallEnded(
    "r1",
    0.0,
    1,
    "stripe.products.create",
    0.0842,
    method="POST",
    url="https://api.stripe.com/v1/products",
    status=200,
    request_id="req_1",
    result="prod_1",
)
FAILED = CallEnded(
    "r1",
    0.0,
    2,
    "stripe.payment_intents.confirm",
    1.5,
    status=402,
    attempts=3,
    error={"kind": "api", "code": "card_declined", "message": "Your card was declined."},
)


def shown(*events: Event, verbosity: int = 1, log_level: str = "warning", names: bool = False) -> list[str]:
    stream = io.StringIO()
    sink = TerminalSink(
        stream, verbosity=verbosity, log_level=log_level, name=(lambda id: f"row {id}\x1b[2J") if names else None
    )
    for event in events:
        sink.emit(event)
    return stream.getvalue().splitlines()


def test_v_shows_each_call_and_its_answer() -> None:
    """One line when a call starts, one when it ends, with status, id, time, request id and address."""
    assert shown(STARTED, ENDED) == [
        "#1 → stripe.products.create  line 8",
        "#1 ← 200 prod_1  84 ms  req_1  POST https://api.stripe.com/v1/products",
    ]


def test_v_shows_why_a_call_failed() -> None:
    """A failed call tells code, message and the number of attempts."""
    assert shown(FAILED) == ["#2 ← 402 card_declined: Your card was declined.  1.50 s  3 attempts"]


def test_vv_adds_arguments_and_the_run() -> None:
    """-vv shows what was asked and when the run began and ended."""
    lines = shown(RunStarted("r1", 0.0, "a.lua", simulated=True), STARTED, RunEnded("r1", 0.0, 0.5, 1), verbosity=2)
    assert lines == [
        "run r1: a.lua (simulated)",
        "#1 → stripe.products.create  line 8  name='Shirt'",
        "run r1: done, 1 call in 500 ms",
    ]


def test_without_v_only_log_lines_from_the_level_on_are_shown() -> None:
    """Verbosity 0 is silent about calls and output; log.* follows the level."""
    events = [
        STARTED,
        ENDED,
        Printed("r1", 0.0, "x\n"),
        Logged("r1", 0.0, "info", "low"),
        Logged("r1", 0.0, "warn", "high", line=3),
    ]
    assert shown(*events, verbosity=0) == ["warn: high  line 3"]
    assert shown(*events, verbosity=0, log_level="debug") == ["info: low", "warn: high  line 3"]


def test_several_runs_are_told_apart() -> None:
    """With several runs each line names its run, whose name does not steer the terminal either."""
    assert shown(STARTED, names=True) == ["row r1?[2J: #1 → stripe.products.create  line 8"]


def test_what_an_api_says_does_not_steer_the_terminal() -> None:
    """Escape sequences in a message are shown as question marks."""
    bad = CallEnded("r1", 0.0, 1, "op", 0.001, error={"kind": "api", "message": "\x1b[2Jgone\r"})
    assert shown(bad) == ["#1 ← api: ?[2Jgone?  1.0 ms"]


def test_a_reader_who_leaves_does_not_end_the_run() -> None:
    """emit never raises: a closed stream is written to no more."""
    stream = io.StringIO()
    sink = TerminalSink(stream, verbosity=1)
    stream.close()
    sink.emit(STARTED)
    sink.emit(ENDED)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.00042, "0.4 ms"), (0.0842, "84 ms"), (2.314, "2.31 s"), (0.0, "0.0 ms")]
)
def test_spans_are_short(seconds: float, text: str) -> None:
    """Durations are in the unit that reads best."""
    assert span(seconds) == text
