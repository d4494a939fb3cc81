"""What the Python API makes of its arguments: each as its parameter means it, or a ``UsageError`` naming both.

Checked once, where a call comes in: by ``Host`` and its methods, ``RunOptions`` and ``Script``. What is behind these
takes its values as they are. A string that may hold a secret is not shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from host.errors import UsageError
from host.events import Event, Sink

__all__ = [
    "a_flag",
    "a_path",
    "a_text",
    "an_instance",
    "mapping",
    "of_struct",
    "shown",
    "sinks",
    "text_mapping",
    "texts",
    "wrong",
]

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)
LONGEST = 60  # characters of a value in a message
_KEY = r"\s*[a-z]{2,6}_(?:org_)?(?:live|test)_|whsec_"


def wrong(name: str, value: Any, expected: str, *, private: bool = False) -> UsageError:
    """The error for an argument that cannot be what its parameter means."""
    return UsageError(f"{name} is {shown(value, private=private)}; expected {expected}")


def shown(value: Any, *, private: bool = False) -> str:
    """A value in a message: itself where it is short, else what it is. No text that looks like a key."""
    if isinstance(value, str) and re.match(_KEY, value):
        return "a key"
    if value is None or isinstance(value, bool | int | float) or (isinstance(value, str) and not private):
        text = repr(value)
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def a_flag(name: str, value: Any) -> bool:
    """``True`` or ``False``, and nothing that merely counts as one."""
    if not isinstance(value, bool):
        raise wrong(name, value, "True or False")
    return value


def a_text(name: str, value: Any, expected: str = "a string") -> str:
    """A string that is not empty."""
    if not isinstance(value, str) or not value:
        raise wrong(name, value, expected)
    return value


def a_path(name: str, value: Any) -> str | os.PathLike[str]:
    """A path of the file system."""
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str) or "\0" in os.fspath(value):
        raise wrong(name, value, "a path")
    return value


def an_instance(name: str, value: Any, kind: type[T], expected: str | None = None) -> T:
    """An instance of ``kind``."""
    if not isinstance(value, kind):
        raise wrong(name, value, expected or f"a {kind.__name__}")
    return value


def of_struct(name: str, value: Any, kind: type[S]) -> S | None:
    """A ``kind``, or a mapping of its fields (``limits={"memory": …}``). ``None`` stays."""
    if value is None or isinstance(value, kind):
        return value
    fields = [each for each in kind.__struct_fields__ if each != "within"]
    if not isinstance(value, Mapping):
        raise wrong(name, value, f"{kind.__name__}(…), or a mapping of {', '.join(fields)}")
    unknown = [each for each in value if each not in fields]
    if unknown:
        raise UsageError(f"{name} has {shown(unknown[0])}; expected one of {', '.join(fields)}")
    return kind(**value)


def mapping(name: str, value: Any, expected: str) -> Mapping[str, Any]:
    """A mapping whose keys are texts."""
    if not isinstance(value, Mapping):
        raise wrong(name, value, expected, private=True)
    for key in value:
        if not isinstance(key, str):
            raise UsageError(f"{name} has the key {shown(key)}; expected {expected}")
    return value


def text_mapping(name: str, value: Any) -> Mapping[str, str]:
    """Strings by their names."""
    for key, each in mapping(name, value, "strings by their names").items():
        if not isinstance(each, str):
            raise wrong(f"{name}[{key!r}]", each, "a string", private=True)
    return value  # type: ignore[no-any-return]


def texts(name: str, value: Any) -> tuple[str, ...]:
    """A list of strings; numbers and paths in it as text."""
    expected = "a list of strings"
    if isinstance(value, str | bytes | Mapping | set | frozenset) or not isinstance(value, Iterable):
        raise wrong(name, value, expected, private=True)
    if isinstance(value, type):  # an enum's class can be walked through
        raise wrong(name, value, expected)
    return tuple(_as_text(f"{name}[{place}]", each) for place, each in enumerate(value))


def sinks(name: str, value: Any) -> tuple[Sink, ...]:
    """A list of sinks: what has ``emit(event)``, or a function that is called with each event."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable) or isinstance(value, type):
        raise wrong(name, value, "a list of sinks")
    return tuple(_sink(f"{name}[{place}]", each) for place, each in enumerate(value))


class _Calls:
    """A function as a sink."""

    __slots__ = ("emit",)

    def __init__(self, function: Callable[[Event], Any]) -> None:
        self.emit = function


def _sink(name: str, value: Any) -> Sink:
    if not isinstance(value, type):
        if callable(getattr(value, "emit", None)):
            sink: Sink = value
            return sink
        if callable(value):
            return _Calls(value)
    raise wrong(name, value, "an object with emit(event), or a function of an event")


def _as_text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, os.PathLike) and isinstance(path := os.fspath(value), str):
        return path
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise wrong(name, value, "a string", private=True)
