"""One event of the wanted type, with the wanted members of its object, made by a simulator."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from host.errors import HostError, UsageError
from host.simulator.simulator import Simulator
from host.simulator.stripe import thin_events
from host.simulator.stripe.triggers import MADE
from host.simulator.trigger import Ask, Step, decoded, perform

__all__ = ["asking", "made"]

KEY = "sk_test_simulated"
Object = dict[str, Any]


def made(event: str, steps: list[Step], wanted: Mapping[str, str], ask: Ask | None) -> tuple[Object, list[str]]:
    """The event, and what there is to say of how it was made.

    ``wanted`` are members of the event's object by their dotted paths: each is given to the request that makes the
    object, where that takes it and shows it; else it is set in the event alone. ``ask`` is a simulator on a port;
    without one there is one just for this. Raises :class:`HostError`.
    """
    if wanted and thin_events.is_thin(event):
        raise UsageError(f"trigger: {event} is a thin event, which has no object whose members --set could set")
    rehearsed = _rehearse(event, steps, {}) if wanted else None
    added: dict[int, dict[str, str]] = {}
    left = dict(wanted)
    for path, value in wanted.items():
        for place in rehearsed.places if rehearsed else ():
            more = {**added.get(place, {}), _bracketed(path): value}
            tried = _rehearse(event, steps, {**added, place: more}, careful=True)
            if tried is not None and _shows(tried.event["data"]["object"], path, value):
                added[place] = more
                del left[path]
                break
    found = _perform(event, steps, added, ask or asking(_fresh()))
    for path, value in left.items():
        _set(found["data"]["object"], path.split("."), _plain(value))
    said = [f"--set {path}: no request takes it, so it is set in the event only" for path in left]
    return found, said


class _Rehearsal:
    """An event that was made in a simulator of its own, and the places of the steps that made or changed its object."""

    def __init__(self, event: Object, places: Sequence[int]) -> None:
        self.event = event
        self.places = places


def _rehearse(
    event: str, steps: list[Step], added: Mapping[int, Mapping[str, str]], *, careful: bool = False
) -> _Rehearsal | None:
    ask = asking(_fresh())
    try:
        answers = perform(ask, steps, added)
        found = _last(ask, event)
    except HostError:
        if careful:
            return None
        raise
    id = found["data"]["object"].get("id")
    places = [place for place, answer in enumerate(answers) if isinstance(answer, dict) and answer.get("id") == id]
    return _Rehearsal(found, [*places, *(place for place in range(len(steps)) if place not in places)])


def _perform(event: str, steps: list[Step], added: Mapping[int, Mapping[str, str]], ask: Ask) -> Object:
    perform(ask, steps, added)
    return _last(ask, event)


def _last(ask: Ask, event: str) -> Object:
    thin, type = thin_events.is_thin(event), MADE.get(event, event)
    _, listed = ask(
        "GET", f"/v2/core/events?limit=1&types[0]={type}" if thin else f"/v1/events?limit=1&type={type}", ""
    )
    if not listed.get("data"):
        raise HostError(f"the simulator did what leads to {event}, and no such event came of it")
    found: Object = listed["data"][0]
    return thin_events.notification(found) if thin else found


def asking(simulator: Simulator) -> Ask:
    """Requests to a simulator in this process."""

    def ask(method: str, target: str, form: str, key: str = "", /) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {key or KEY}", "Content-Type": "application/x-www-form-urlencoded"}
        status, _, body = simulator.handle(method, target, headers, form.encode())
        return status, decoded(body)

    return ask


def _fresh() -> Simulator:
    from host.apis.stripe import load

    return Simulator(load())


def _bracketed(path: str) -> str:
    first, *rest = path.split(".")
    return first + "".join(f"[{step}]" for step in rest)


def _shows(value: Any, path: str, wanted: str) -> bool:
    for step in path.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return False
    return value == _plain(wanted) or str(value) == wanted


def _set(value: Any, steps: list[str], wanted: Any) -> None:
    for step in steps[:-1]:
        inner = value.get(step) if isinstance(value, dict) else None
        if not isinstance(inner, dict):
            inner = value[step] = {}
        value = inner
    value[steps[-1]] = wanted


def _plain(text: str) -> Any:
    """A value as JSON has it, or a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
