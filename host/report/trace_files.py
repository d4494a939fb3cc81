"""``--trace FILE``: the form of a trace is what the file's ending says."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import PurePath
from typing import TextIO

from host.errors import ConfigError, UsageError
from host.events import Sink
from host.report.har import HarSink
from host.report.html import HtmlSink
from host.report.jsonl import JsonlSink

__all__ = ["FORMS", "open_trace"]

FORMS: dict[str, Callable[[TextIO], Sink]] = {
    ".jsonl": JsonlSink,
    ".har": HarSink,
    ".html": HtmlSink,
}
"""By a file's ending, what writes it. One that has ``close()`` is closed before its file is."""


def open_trace(path: str, stack: ExitStack) -> Sink:
    """What writes the trace; ``stack`` closes it and its file."""
    form = FORMS.get(PurePath(path).suffix.lower())
    if form is None:
        *most, last = FORMS
        raise UsageError(f"--trace {path}: the ending says what is written; expected {', '.join(most)} or {last}")
    sink = form(stack.enter_context(_written(path)))
    close = getattr(sink, "close", None)
    if close is not None:
        stack.callback(close)
    return sink


def _written(path: str) -> TextIO:
    try:
        return open(path, "w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise ConfigError(f"--trace {path} cannot be written: {error.strerror}") from error
