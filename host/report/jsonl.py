"""Events as JSON, one object a line, for programs.

``event`` is the kind in snake case (``call_ended``), the other members are the event's fields; members that are only
for detailed sinks are left out where they have no value.
"""

from __future__ import annotations

import json
import re
from typing import TextIO

import msgspec

from host.events import Event
from host.report.trace_writer import TraceWriter

__all__ = ["JsonlSink", "json_line"]

DETAILS = frozenset(("source", "detail"))


class JsonlSink:
    """Writes every event to ``stream`` as it happens.

    A stream that fails (disk full, reader gone) is not written to any more; :attr:`failure` holds why.
    """

    def __init__(self, stream: TextIO) -> None:
        self._writer = TraceWriter(stream)

    @property
    def failure(self) -> OSError | ValueError | None:
        return self._writer.failure

    def emit(self, event: Event) -> None:
        self._writer.write(json_line(event) + "\n")

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


def json_line(event: Event) -> str:
    """An event as one line of JSON."""
    facts = msgspec.structs.asdict(event)
    for name in DETAILS & facts.keys():
        if facts[name] is None:
            del facts[name]
    return json.dumps({"event": _kind(type(event)), **facts}, ensure_ascii=True, default=str)


def _kind(cls: type[Event]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()
