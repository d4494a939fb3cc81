"""Makes one event of a given type in a simulator, with given members of its object."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from host.errors import HostError, UsageError
from host.simulator.simulator import Simulator
from host.simulator.stripe import thin_events
from host.simulator.stripe.triggers import MADE
from host.simulator.trigger import Requester, Step, decoded, perform

__all__ = ["make_event", "request_headers", "requester_of"]

KEY = "sk_test_simulated"
Object = dict[str, Any]


def make_event(
    event: str, steps: list[Step], wanted: Mapping[str, str], request: Requester | None
) -> tuple[Object, list[str]]:
    """Make the event; returns it, and lines of text on how it was made.

    ``wanted`` are values of members of the event's object, by dotted path. Each is sent with the request that creates
    the object if that request takes it and its answer shows it; otherwise it is set in the event only. ``request``
    makes requests to a simulator that is running; with ``None`` a new one is used. Raises :class:`HostError`.
    """
    if wanted and thin_events.is_thin(event):
        raise UsageError(f"trigger: {event} is a thin event, which has no object whose members --set could set")
    rehearsal = _dry_run(event, steps, {}) if wanted else None
    added: dict[int, dict[str, str]] = {}
    left = dict(wanted)
    for path, value in wanted.items():
        for place in rehearsal.places if rehearsal else ():
            more = {**added.get(place, {}), _bracketed(path): value}
            tried = _dry_run(event, steps, {**added, place: more}, careful=True)
            if tried is not None and _shows(tried.event["data"]["object"], path, value):
                added[place] = more
                del left[path]
                break
    found = _perform(event, steps, added, request or requester_of(_fresh()))
    for path, value in left.items():
        _set(found["data"]["object"], path.split("."), _plain(value))
    notes = [f"--set {path}: no request takes it, so it is set in the event only" for path in left]
    return found, notes


class _DryRun:
    """An event made in a simulator of its own, and the indices of the steps, those that answered its object first."""

    def __init__(self, event: Object, places: Sequence[int]) -> None:
        self.event = event
        self.places = places


def _dry_run(
    event: str, steps: list[Step], added: Mapping[int, Mapping[str, str]], *, careful: bool = False
) -> _DryRun | None:
    request = requester_of(_fresh())
    try:
        answers = perform(request, steps, added)
        found = _last(request, event)
    except HostError:
        if careful:
            return None
        raise
    id = found["data"]["object"].get("id")
    places = [place for place, answer in enumerate(answers) if isinstance(answer, dict) and answer.get("id") == id]
    return _DryRun(found, [*places, *(place for place in range(len(steps)) if place not in places)])


def _perform(event: str, steps: list[Step], added: Mapping[int, Mapping[str, str]], request: Requester) -> Object:
    perform(request, steps, added)
    return _last(request, event)


def _last(request: Requester, event: str) -> Object:
    thin, type = thin_events.is_thin(event), MADE.get(event, event)
    _, listed = request(
        "GET", f"/v2/core/events?limit=1&types[0]={type}" if thin else f"/v1/events?limit=1&type={type}", ""
    )
    if not listed.get("data"):
        raise HostError(f"the simulator carried out the requests that lead to {event}, but made no such event")
    found: Object = listed["data"][0]
    return thin_events.notification(found) if thin else found


def requester_of(simulator: Simulator) -> Requester:
    """A function that makes requests to a simulator in this process."""

    def request(method: str, target: str, form: str, key: str = "", /) -> tuple[int, Any]:
        status, _, body = simulator.handle(method, target, request_headers(target, key or KEY), form.encode())
        return status, decoded(body)

    return request


def request_headers(target: str, key: str) -> dict[str, str]:
    """The headers of a trigger's request, which has a version only where API v2 requires one: without it, parameters
    may have the names of any version.
    """
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-www-form-urlencoded"}
    if target.startswith("/v2/"):
        from host.apis.stripe import load

        headers["Stripe-Version"] = load().version
    return headers


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
    """The value of a JSON text, or the text itself if it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text
