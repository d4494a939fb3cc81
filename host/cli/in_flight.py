"""The calls that have no answer yet, which are named when a run is interrupted."""

from __future__ import annotations

from host.events import CallEnded, CallStarted, Event

__all__ = ["UnderWaySink"]


class UnderWaySink:
    """Remembers what was started and has not ended. ``str()`` lists it for a message."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, int], CallStarted] = {}

    def emit(self, event: Event) -> None:
        if isinstance(event, CallStarted):
            self._calls[event.run_id, event.call_id] = event
        elif isinstance(event, CallEnded):
            self._calls.pop((event.run_id, event.call_id), None)

    def __str__(self) -> str:
        calls = list(self._calls.values())
        named = [f"{call.operation}{f' (line {call.line})' if call.line is not None else ''}" for call in calls[:5]]
        more = [f"{len(calls) - 5} more"] if len(calls) > 5 else []
        return ", ".join([*named, *more])
