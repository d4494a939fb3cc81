"""Frozen events of a run, and the protocol of whoever listens.

A sink gets every event of a host in the order they happen in a run; events of different runs interleave.
``emit`` may be called from any thread, must not block and must not raise. No event holds a secret: texts
are masked before they become one. Times are seconds; ``at`` is :func:`time.time`.

What few sinks need and costs time to gather is there only where one of a run's sinks has ``detailed = True``:
``RunStarted.source`` and ``CallEnded.detail``. ``LinesReached`` is there only where one has ``lines = True``: such a
run is several times slower.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

WAITS = ("rate limit", "circuit breaker", "permit", "retry", "timer")
"""What a call may wait for."""


class Event(msgspec.Struct, frozen=True):
    """What all events have."""

    run_id: str
    at: float


class RunStarted(Event, frozen=True):
    script: str
    simulated: bool = False
    source: str | None = None  # the script's text, masked
    traceparent: str | None = None  # of the span the run is under (host/telemetry.py)


class Printed(Event, frozen=True):
    """A piece of the script's output, as bytes it wrote (``print``, ``io.write``)."""

    text: str


class Logged(Event, frozen=True):
    """``log.debug/info/warn/error`` of the script."""

    level: str
    text: str
    line: int | None = None


class CallStarted(Event, frozen=True):
    call_id: int
    operation: str
    line: int | None = None
    arguments: dict[str, Any] = msgspec.field(default_factory=dict)  # masked
    task: str = ""  # its path: "1" is the script itself, "1.2" the second that was begun in it


class CallEnded(Event, frozen=True):
    """``error`` is the error's facts (kind, message, …) or ``None``; ``result`` is the object's id if any.

    ``waited`` is seconds of ``duration`` spent waiting for a rate, a place in flight or a breaker.
    ``detail`` is what :func:`host.run.call_detail.detail_of` gives.
    """

    call_id: int
    operation: str
    duration: float
    method: str = ""
    url: str = ""
    status: int | None = None
    request_id: str | None = None
    attempts: int = 1
    result: str | None = None
    error: dict[str, Any] | None = None
    waited: float = 0.0
    detail: dict[str, Any] | None = None


class LinesReached(Event, frozen=True):
    """At a run's end, for each of its files: how often each line was reached.

    ``counts`` are (the line that the function begins at, 0 for the file itself; line; how often).
    """

    file: str
    counts: tuple[tuple[int, int, int], ...]


class Waiting(Event, frozen=True):
    """A call waits for ``seconds``, ``None``: until there is room, 0: no longer. Only sent where it has to wait.

    ``reason`` is one of ``WAITS``. A timer (``sleep``, ``with_timeout``) sends one too, with a ``call_id`` that has
    no other event.
    """

    call_id: int
    reason: str
    seconds: float | None
    task: str = ""


class RunEnded(Event, frozen=True):
    duration: float
    calls: int
    error: str | None = None


class Sink(Protocol):
    """Where events go. One file per sink in ``host/report``."""

    def emit(self, event: Event) -> None: ...


def want_detail(sinks: Iterable[Sink]) -> bool:
    """Whether one of them asks for what is costly to gather."""
    return any(getattr(sink, "detailed", False) for sink in sinks)


def want_lines(sinks: Iterable[Sink]) -> bool:
    """Whether one of them asks which lines are reached."""
    return any(getattr(sink, "lines", False) for sink in sinks)
