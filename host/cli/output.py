"""The output of scripts, written to stdout immediately."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import BinaryIO

from host.events import Event, Printed, RunEnded
from host.report.errors import printable

__all__ = ["NamedOutputSink", "OutputSink"]


class OutputSink:
    """Writes :class:`Printed` events to ``stream`` and flushes, byte for byte as the script wrote them.

    When the reader has left (a closed pipe) or the disk is full, :attr:`failure` is set, ``on_failure`` is
    called once, and nothing more is written.
    """

    def __init__(self, stream: BinaryIO, on_failure: Callable[[], None]) -> None:
        self._stream = stream
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self.failure: OSError | None = None

    def emit(self, event: Event) -> None:
        if isinstance(event, Printed):
            self.write(event.text)

    def write(self, text: str) -> None:
        """Write ``text``, which may hold lone surrogates for bytes that are not UTF-8."""
        if self.failure is not None:
            return
        try:
            with self._lock:
                self._stream.write(text.encode("utf-8", "surrogateescape"))
                self._stream.flush()
        except OSError as error:
            self.failure = error
            self._on_failure()

    def write_lines(self, name: str, text: str) -> None:
        """Write whole lines about the run of this name."""
        self.write(text)


class NamedOutputSink(OutputSink):
    """The output of many runs: whole lines, each after the ``name(run_id)`` of its run.

    A line without an end is written when its run ends.
    """

    def __init__(self, stream: BinaryIO, on_failure: Callable[[], None], name: Callable[[str], str]) -> None:
        super().__init__(stream, on_failure)
        self._name = name
        self._begun: dict[str, str] = {}  # by run, a line that is not at its end

    def emit(self, event: Event) -> None:
        if isinstance(event, Printed):
            whole, end, rest = (self._begun.pop(event.run_id, "") + event.text).rpartition("\n")
            if rest:
                self._begun[event.run_id] = rest
            if end:
                self.write_lines(self._name(event.run_id), whole + end)
        elif isinstance(event, RunEnded):
            rest = self._begun.pop(event.run_id, "")
            if rest:
                self.write_lines(self._name(event.run_id), rest + "\n")

    def write_lines(self, name: str, text: str) -> None:
        shown = printable(name)
        self.write("".join(f"{shown}: {line}\n" for line in text.removesuffix("\n").split("\n")))
