"""Events for handlers under test, made by requests to the simulator, or given by the test."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from host import arguments
from host.errors import InvalidCall, UsageError
from host.host import Host
from host.run.handler_check import check_handlers
from host.run.script import RunResult, Script
from host.simulator.stripe import thin_events
from host.simulator.trigger import steps_of
from host.simulator.triggering import make_event, requester_of

__all__ = ["beside", "deliver"]


def deliver(
    host: Host, handler: Script, event: str | Mapping[str, Any], values: Mapping[str, Any] | None = None, **run: Any
) -> tuple[dict[str, Any], RunResult]:
    """Have a handler handle an event, with ``run`` as keywords of ``Host.run``. Returns the event and the run's result.

    ``event`` is the name of an event that the simulator can make, with ``values`` as members of its object, nested or
    by dotted paths; or it is an event as the API would send it. Raises ``InvalidCall`` and ``ScriptError`` if there is
    no such event, or the script is not a handler.
    """
    found = _given(event, values) if isinstance(event, Mapping) else _made(host, event, values or {})
    names = host._services.pipeline.names.event_names()
    check_handlers(handler, names if found["type"] in names else ())
    return found, host.run(handler, globals={"event": found}, **run)


def beside(test: Path, handler: str | None) -> Script:
    """The handler script of a test file: the one given, or the one whose name is that of the test file."""
    if handler is not None:
        if not isinstance(handler, str) or not handler:
            raise InvalidCall(f"deliver expects the path of a handler script third, got {arguments.shown(handler)}")
        return Script.read(test.parent / handler)
    name = test.stem.removesuffix("_test").removeprefix("test_")
    path = test.parent / f"{name}.lua"
    if not path.is_file() or path == test:
        raise InvalidCall(
            f"deliver: there is no {name}.lua beside {test.name} to handle it",
            hint='name the handler script: deliver("invoice.paid", {…}, "handlers.lua")',
        )
    return Script.read(path)


def _given(event: Mapping[str, Any], values: Mapping[str, Any] | None) -> dict[str, Any]:
    if values:
        raise InvalidCall("deliver: an event given as a table has its object already; change its members there")
    if not isinstance(event.get("type"), str) or not event["type"]:
        raise InvalidCall(f"deliver: the event has no type: {arguments.shown(dict(event))}")
    return {"id": "evt_test", "object": "event", **event}


def _made(host: Host, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(name, str):
        raise InvalidCall(f"deliver expects an event's name, or an event as a table, got {arguments.shown(name)}")
    if not isinstance(values, Mapping):
        raise InvalidCall(f"deliver expects members of the event's object, got {arguments.shown(values)}")
    simulator = host._simulator
    if simulator is None:
        raise InvalidCall(
            "deliver makes events with the simulator, and there is none here: give a table with type and data"
        )
    try:
        steps = steps_of(name)
        if values and thin_events.is_thin(name):
            raise UsageError(f"trigger: {name} is a thin event, which has no object whose members could be set")
    except UsageError as error:
        hint = 'another event is given as a table: deliver{type = "…", data = {object = {…}}}'
        raise InvalidCall(error.message.replace("trigger:", "deliver:", 1), hint=hint) from None

    found, _ = make_event(name, steps, dict(_flat(values)), requester_of(simulator))
    return found


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Members by their dotted paths, as texts."""
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{path}.")
        else:
            yield path, value if isinstance(value, str) else json.dumps(value)
