"""``--trace FILE``: the format of a trace follows from the file's ending."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import PurePath
from typing import Protocol, TextIO

from host.errors import ConfigError, UsageError
from host.events import Sink
from host.report.har import HarSink
from host.report.html import HtmlSink
from host.report.jsonl import JsonlSink

__all__ = ["FORMS", "TraceSink", "open_trace"]


class TraceSink(Sink, Protocol):
    """A sink with a file. ``failure`` is why it could not be written."""

    @property
    def failure(self) -> OSError | ValueError | None: ...

    def close(self) -> None:
        """Finish the trace; the file is closed by whoever opened it."""


FORMS: dict[str, Callable[[TextIO], TraceSink]] = {
    ".jsonl": JsonlSink,
    ".har": HarSink,
    ".html": HtmlSink,
}
"""The sinks by the ending of the file."""


def open_trace(path: str, stack: ExitStack, warn: Callable[[str], object]) -> Sink:
    """The sink that writes the trace; ``stack`` closes it and its file. If it is then incomplete, ``warn`` is called
    with why.
    """
    form = FORMS.get(PurePath(path).suffix.lower())
    if form is None:
        *most, last = FORMS
        raise UsageError(f"--trace {path}: its ending selects the format; expected {', '.join(most)} or {last}")
    try:
        stream = open(path, "w", encoding="utf-8", newline="\n")  # noqa: SIM115 - closed by the stack
    except OSError as error:
        raise ConfigError(f"--trace {path} cannot be written: {error.strerror}") from error
    sink = form(stream)

    def close() -> None:
        sink.close()
        failure = sink.failure
        try:
            stream.close()
        except OSError as error:
            failure = failure or error
        if failure is not None:
            warn(f"--trace {path} is incomplete: {getattr(failure, 'strerror', None) or failure}")

    stack.callback(close)
    return sink
