"""Describes a request that was not recorded, by how the nearest recorded ones differ."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from host.cassettes.cassette import Interaction
from host.cassettes.interaction_forms import title_of

__all__ = ["differences", "unknown_request"]

_SHOWN: Final = 12  # differences shown of the nearest request
_OTHERS: Final = 3  # further requests that are named
_LONGEST: Final = 200  # characters of a value
_MISSING: Final = object()


def unknown_request(
    request: Mapping[str, Any], left: Sequence[Interaction], used: Sequence[Interaction], file: str
) -> str:
    """The message for a request without a recording left. ``left`` were not replayed yet, ``used`` were."""
    title = title_of(request)
    same = [each for each in used if each.request == request]
    if same:
        times = "once" if len(same) == 1 else f"{len(same)} times"
        lines = ", ".join(str(each.line) for each in same[:10])
        return f"{title} was recorded {times} ({file}:{lines}) and is now made once more, with the same parameters"
    if not left and not used:
        return f"{title} is not in {file}, which has no request of this run"
    nearest = sorted(left or used, key=lambda each: _distance(request, each.request))
    first = nearest[0]
    text = [f"{title} is not in {file} with these parameters. The nearest request there, on line {first.line}, is"]
    text[0] += " used already" if not left else ""
    text.append(f"  {title_of(first.request)}")
    found = list(differences(first.request, request))
    for name, before, now in found[:_SHOWN]:
        start = _parting(before, now)
        text += [f"    {name}", f"      - {_value(before, start)}", f"      + {_value(now, start)}"]
    if len(found) > _SHOWN:
        text.append(f"    and {len(found) - _SHOWN} more differences")
    text.append("  (- recorded, + now)")
    others = [f"line {each.line}: {title_of(each.request)}" for each in nearest[1 : 1 + _OTHERS]]
    if others:
        text.append(f"  others not used yet: {'; '.join(others)}" if left else f"  others: {'; '.join(others)}")
    return "\n".join(text)


def differences(before: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """(name, recorded value, present value) for each difference; the name is such as ``form.items[0][price]``."""
    old, new = dict(_flat(before, "")), dict(_flat(now, ""))
    for name in sorted(old.keys() | new.keys(), key=_rank):
        if old.get(name, _MISSING) != new.get(name, _MISSING):
            yield name, old.get(name, _MISSING), new.get(name, _MISSING)


def _flat(value: Any, path: str) -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from _flat(each, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for place, each in enumerate(value):
            yield from _flat(each, f"{path}[{place}]")
    else:
        yield path, value


def _rank(name: str) -> tuple[int, str]:
    first = ("method", "api", "url", "path", "query", "form", "json", "parts", "text", "headers")
    head = name.partition(".")[0].partition("[")[0]
    return (first.index(head) if head in first else len(first), name)


def _distance(request: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[bool, bool, int]:
    place = request.get("api"), request.get("url"), request.get("path")
    elsewhere = (other.get("api"), other.get("url"), other.get("path")) != place
    return elsewhere, request.get("method") != other.get("method"), sum(1 for _ in differences(other, request))


def _parting(before: Any, now: Any) -> int:
    """The index at which two long texts begin to differ, less some characters of context."""
    if not isinstance(before, str) or not isinstance(now, str) or max(len(before), len(now)) <= _LONGEST:
        return 0
    return max(0, next((i for i, pair in enumerate(zip(before, now, strict=False)) if pair[0] != pair[1]), 0) - 40)


def _value(value: Any, start: int = 0) -> str:
    if value is _MISSING:
        return "(not there)"
    if start:
        value = f"…{value[start:]}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"
