"""Events as JSON, one object a line, for programs.

``event`` is the kind in snake case (``call_ended``), the other members are the event's fields.
"""

from __future__ import annotations

import json
import re
import threading
from typing import TextIO

import msgspec

from host.events import Event

__all__ = ["JsonlSink"]


class JsonlSink:
    """Writes every event to ``stream`` as it happens.

    A stream that fails (disk full, reader gone) is written to no more; :attr:`failure` holds why.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self.failure: OSError | ValueError | None = None

    def emit(self, event: Event) -> None:
        if self.failure is not None:
            return
        facts = msgspec.structs.asdict(event)
        line = json.dumps({"event": _kind(type(event)), **facts}, ensure_ascii=True, default=str)
        try:
            with self._lock:
                self._stream.write(line + "\n")
                self._stream.flush()
        except (OSError, ValueError) as error:
            self.failure = error


def _kind(cls: type[Event]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()
