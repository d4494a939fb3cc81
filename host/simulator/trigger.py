"""The requests that lead to an event in a simulator, and making them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

import msgspec

from host.apis.nearest import meant
from host.errors import HostError, UsageError
from host.simulator.stripe import thin_events
from host.simulator.stripe.triggers import STEPS, TRIGGERS

__all__ = ["Requester", "Step", "perform", "steps_of"]


class Requester(Protocol):
    """Makes a request: from method, target and form to status and decoded answer. ``key`` replaces its API key."""

    def __call__(self, method: str, target: str, form: str, key: str = "", /) -> tuple[int, Any]: ...


_STEP = re.compile(
    r"(?P<may>\? )?(?:(?P<name>\w+) = )?(?:as (?P<key>\S+) )?(?P<method>[A-Z]+) (?P<path>\S+)(?: (?P<form>.*))?"
)
_REFERENCE = re.compile(r"\{(\w+)(?:\.(\w+))?\}")


class Step(NamedTuple):
    """One request.

    ``name`` is what later steps call its answer, "" if they do not use it. With ``may_fail`` it may be refused. ``key``
    is sent instead of the API key, unless it is "".
    """

    name: str
    method: str
    path: str
    form: str
    may_fail: bool
    key: str = ""


def steps_of(event: str) -> list[Step]:
    """The requests that lead to an event. Raises :class:`UsageError`, naming the nearest event that can be made."""
    found = TRIGGERS.get(event)
    if found is None and thin_events.thin_name(event.removeprefix("v1.")) == event:
        found = TRIGGERS.get(event.removeprefix("v1."))  # a thin event comes with the snapshot event of that name
    if found is None:
        raise UsageError(
            f'trigger: there is no way to make "{event[:100]}" happen{meant(event, TRIGGERS)}',
            hint="python -m host trigger --list shows the events that can be made",
        )
    return [_step(each) for each in found]


def _step(text: str) -> Step:
    name = text if text in STEPS else ""
    match = _STEP.fullmatch(STEPS.get(text, text))
    assert match is not None, text
    form, key = match["form"] or "", match["key"] or ""
    return Step(name or match["name"] or "", match["method"], match["path"], form, bool(match["may"]), key)


def perform(request: Requester, steps: list[Step], added: Mapping[int, Mapping[str, str]] = {}) -> list[Any]:
    """Make the requests and return their answers. ``added`` are further parameters, by the index of the step.

    Raises :class:`HostError` for a request that is refused.
    """
    answers: list[Any] = []
    named: dict[str, Any] = {}
    for place, step in enumerate(steps):
        form = _filled(step.form, named)
        if more := added.get(place):
            names = {name for name, _ in more.items()}
            kept = [part for part in form.split("&") if part and part.partition("=")[0] not in names]
            form = "&".join([*kept, urlencode(more)])
        path = _filled(step.path, named)
        target = f"{path}?{form}" if step.method == "GET" and form else path
        status, answer = request(step.method, target, "" if step.method == "GET" else form, _filled(step.key, named))
        if status >= 400 and not step.may_fail:
            message = (
                answer["error"]["message"] if isinstance(answer, dict) and "error" in answer else f"status {status}"
            )
            raise HostError(f"{step.method} {path}: {message}")
        if isinstance(answer, dict) and answer.get("object") == "list":
            answer = answer["data"][0] if answer["data"] else {}
        answers.append(answer)
        if step.name:
            named[step.name] = answer
    return answers


def _filled(text: str, named: Mapping[str, Any]) -> str:
    return _REFERENCE.sub(lambda found: str(named[found[1]][found[2] or "id"]), text)


def decoded(body: bytes) -> Any:
    """The JSON of an answer; ``None`` for an empty body."""
    return msgspec.json.decode(body) if body else None
