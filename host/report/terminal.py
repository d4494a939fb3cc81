"""Events as lines for somebody watching a terminal.

#1 → stripe.products.create  line 8
#1 ← 200 prod_Nb2…  84 ms  req_7Fq…  POST https://api.stripe.com/v1/products
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TextIO

from host.events import CallEnded, CallStarted, Event, Logged, RunEnded, RunStarted
from host.report.errors import printable

__all__ = ["LEVELS", "TerminalSink"]

LEVELS = ("debug", "info", "warning", "error")


class TerminalSink:
    """Writes to ``stream`` (stderr, as a rule); a stream that fails is not written to any more.

    ``verbosity`` 0 shows the script's own log lines from ``log_level`` on, 1 also each call and its
    answer, 2 also the calls' arguments and the run's start and end. With several runs at once each line begins
    with what ``name(run_id)`` calls its run.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        verbosity: int = 0,
        log_level: str = "warning",
        name: Callable[[str], str] | None = None,
    ) -> None:
        self._stream = stream
        self._verbosity = verbosity
        self._threshold = _level(log_level)
        self._name = name
        self._lock = threading.Lock()
        self._gone = False

    def emit(self, event: Event) -> None:
        text = self._text(event)
        if text is None or self._gone:
            return
        prefix = f"{printable(self._name(event.run_id))}: " if self._name is not None else ""
        try:
            with self._lock:
                self._stream.write(f"{prefix}{printable(text)}\n")
                self._stream.flush()
        except (OSError, ValueError):  # closed by whoever read it; a run does not end for that
            self._gone = True

    def _text(self, event: Event) -> str | None:
        match event:
            case Logged():
                if _level(event.level) < self._threshold:
                    return None
                where = f"  line {event.line}" if event.line is not None else ""
                return f"{event.level}: {event.text}{where}"
            case CallStarted() if self._verbosity >= 1:
                return self._started(event)
            case CallEnded() if self._verbosity >= 1:
                return self._ended(event)
            case RunStarted() if self._verbosity >= 2:
                return f"run {event.run_id}: {event.script}{' (simulated)' if event.simulated else ''}"
            case RunEnded() if self._verbosity >= 2:
                outcome = f"failed: {event.error}" if event.error else "done"
                return f"run {event.run_id}: {outcome}, {_count(event.calls)} in {span(event.duration)}"
        return None

    def _started(self, event: CallStarted) -> str:
        parts = [f"#{event.call_id} → {event.operation}"]
        if event.line is not None:
            parts.append(f"line {event.line}")
        if self._verbosity >= 2 and event.arguments:
            parts.append(" ".join(f"{name}={_short(value)}" for name, value in event.arguments.items()))
        return "  ".join(parts)

    def _ended(self, event: CallEnded) -> str:
        status = f"{event.status} " if event.status is not None else ""
        if event.error is None:
            outcome = f"{status}{event.result or event.operation}"
        else:
            what = event.error.get("code") or event.error.get("kind", "error")
            outcome = f"{status}{what}: {event.error.get('message', '')}"
        parts = [f"#{event.call_id} ← {outcome}", span(event.duration)]
        if event.attempts > 1:
            parts.append(f"{event.attempts} attempts")
        if event.waited >= 0.001:
            parts.append(f"waited {span(event.waited)}")
        if event.request_id:
            parts.append(event.request_id)
        if event.url:
            parts.append(f"{event.method} {event.url}")
        return "  ".join(parts)


def span(seconds: float) -> str:
    """A duration for reading: ``0.4 ms``, ``84 ms``, ``2.31 s``."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _level(name: str) -> int:
    return LEVELS.index({"warn": "warning"}.get(name, name))


def _count(calls: int) -> str:
    return f"{calls} call{'' if calls == 1 else 's'}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
