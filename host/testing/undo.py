"""Undoes what a script created, if the API has an inverse operation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from host.durable.inverses import INVERSES, ways_back
from host.durable.undo_script import UndoScript, step
from host.errors import ScriptError, UsageError
from host.events import CallEnded, CallStarted, Event
from host.host import Host

__all__ = ["CreatedObjects", "Made", "undo"]


class Made(msgspec.Struct, frozen=True):
    """One successful creation."""

    run_id: str
    operation: str  # "stripe.customers.create"
    id: str
    arguments: dict[str, Any]


class CreatedObjects:
    """A sink that records what calls created."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], CallStarted] = {}
        self.made: list[Made] = []

    def emit(self, event: Event) -> None:
        """Record the creation in an event, if there is one."""
        if isinstance(event, CallStarted):
            if event.operation.rpartition(".")[2] in INVERSES:
                self._open[event.run_id, event.call_id] = event
        elif isinstance(event, CallEnded):
            started = self._open.pop((event.run_id, event.call_id), None)
            if started is not None and event.error is None and event.result is not None:
                self.made.append(Made(event.run_id, event.operation, event.result, started.arguments))


def undo(host: Host, made: Iterable[Made]) -> None:
    """Delete, cancel or deactivate what was made, last first. Raises ``ScriptError`` if that failed.

    What cannot be undone by the API (such as a successful payment) stays.
    """
    steps = [found for each in reversed(list(made)) if (found := _step(host, each)) is not None]
    if not steps:
        return
    result = host.run_source(UndoScript.SOURCE, name="undo", globals={"steps": steps}).raise_for_error()
    failed = [f"{s['what']}: {r['problem']}" for s, r in zip(steps, result.value, strict=True) if not _is_over(r)]
    if failed:
        raise ScriptError(f"not undone: {'; '.join(failed)}")


def _is_over(result: dict[str, Any]) -> bool:
    return bool(result["ok"] or result["refused"])


def _step(host: Host, made: Made) -> dict[str, Any] | None:
    api, _, operation = made.operation.partition(".")
    try:
        catalog = host.catalog(api)
    except UsageError:  # a registered function that happens to be named so
        return None
    ways = ways_back(catalog, operation, made.id, {}, made.arguments)
    if not ways:
        return None
    return step(f"{made.operation} {made.id}", [(f"{api}.{way.operation}", way.args) for way in ways])
