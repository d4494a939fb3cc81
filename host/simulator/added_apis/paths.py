"""Paths in documents: comparing them without the names of parameters, suffixes, queries and fragments."""

from __future__ import annotations

import re

from host.simulator.routes import Parent

_VARIABLE = re.compile(r"\{([^{}]+)\}")
_SUFFIX = re.compile(r"\.(?:json|xml)$", re.I)


def plain_path(path: str) -> str:
    """The path without query and fragment, which some documents have to distinguish operations."""
    return re.split(r"[?#]", path, maxsplit=1)[0].rstrip("/") or "/"


def normal(path: str) -> str:
    """The path in the form that is compared: ``/messages/{sid}.json?x`` → ``/messages/{}``."""
    return _VARIABLE.sub("{}", _SUFFIX.sub("", plain_path(path)))


def collection_of(normal_path: str) -> str:
    """The collection of an item: ``/messages/{}`` → ``/messages``."""
    return normal_path.rpartition("/")[0]


def last_step(normal_path: str) -> str:
    """The last step that is not a parameter, or ""."""
    return next((step for step in reversed(normal_path.split("/")) if step and "{}" not in step), "")


def extends(place: str, other: str) -> bool:
    """Whether ``place`` is ``other``, or has an owner before its last step: ``/v1/owners/{}/pets`` for ``/v1/pets``."""
    head, tail = other.rpartition("/")[0], other.rpartition("/")[2]
    middle = place.removeprefix(head).removesuffix(f"/{tail}") if place.startswith(head) else ""
    return place == other or (place == f"{head}{middle}/{tail}" and middle.endswith("/{}"))


def single(step: str) -> str:
    """The singular of an English plural: ``statuses`` → ``status``, ``companies`` → ``company``."""
    if step.endswith("ies") and len(step) > 4:
        return f"{step[:-3]}y"
    return step[:-2] if step.endswith(("ses", "xes")) else step.removesuffix("s")


def variables(path: str) -> tuple[str, ...]:
    """The names of a path's parameters, in order."""
    return tuple(_VARIABLE.findall(plain_path(path)))


def parents_of(path: str) -> tuple[Parent, ...]:
    """The path's parameters, each with the names that an object's member for this owner may have."""
    found = []
    steps = plain_path(path).split("/")
    for n, step in enumerate(steps):
        for param in _VARIABLE.findall(step):
            short = re.sub(r"(?:_?id|_?gid|Id|_?sid|Sid)$", "", param)
            own = (param, short, f"{short}_id", f"{short}Id") if short else ()
            single = _SUFFIX.sub("", steps[n - 1]).removesuffix("s") if n else ""
            names = dict.fromkeys((*own, single, f"{single}_id", f"{single}Id", single.rpartition("_")[2]))
            found.append(Parent(param, tuple(name for name in names if name)))
    return tuple(found)


def pattern_of(path: str) -> re.Pattern[str] | None:
    """The pattern of a request's path, whose percent-decoded segments are joined by a zero byte; ``None`` if the path
    has no parameters.
    """
    steps = plain_path(path).strip("/").split("/")
    if not any(_VARIABLE.search(step) for step in steps):
        return None
    made = []
    for step in steps:
        parts = _VARIABLE.split(step)
        text = [re.escape(part) if n % 2 == 0 else "([^\0]+)" for n, part in enumerate(parts)]
        made.append("".join(text))
    return re.compile("\0".join(made))


def fixed_length(path: str) -> int:
    """How many characters of a path are not parameters. Of two paths that match, the one with more is used."""
    return len(_VARIABLE.sub("", plain_path(path)))
