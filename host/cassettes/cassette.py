"""A cassette: a text file of recorded requests and answers, which can be read by people and merged by git.

The first line identifies the file. Each further line is a JSON object: an interaction (``request`` and ``answer``), or
the values a run drew (``drawn``: readings of the clock, random seeds). ``run`` and ``test`` name the run and the test
it belongs to. Lines are grouped by run and test, in the order of these names; within a group, interactions are in the
order of their requests. No line depends on its place in the file, so the lines of two cassettes can be merged.
"""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from host.cassettes.bodies import FORMS
from host.errors import ConfigError

__all__ = ["Cassette", "CassettePart", "Group", "Interaction"]

VERSION: Final = 1
_MARK: Final = "luahost cassette"
_TEXT: Final = (str, "a string")
_OBJECT: Final = (dict, "an object")
_KINDS: Final[dict[str, tuple[type, str]]] = {  # the members of a request, besides its body
    **dict.fromkeys(("method", "api", "path", "url"), _TEXT),
    **dict.fromkeys(("query", "headers"), _OBJECT),
}
_MEMBERS: Final = ("run", "test", "request", "answer", "answered", "drawn", "keys")


class Interaction:
    """A recorded request and its answer, which is ``None`` if the caller gave up before it arrived.

    ``answered`` is its position among the answers of its group, ``None`` if that equals its position among the
    requests. ``line`` is its line in the file, 0 while it is being recorded.
    """

    __slots__ = ("answer", "answered", "line", "request")

    def __init__(
        self, request: dict[str, Any], answer: dict[str, Any] | None = None, answered: int | None = None, line: int = 0
    ) -> None:
        self.request = request
        self.answer = answer
        self.answered = answered
        self.line = line


class Group:
    """The recording of one run, or of one test in it. Idempotency keys are derived from ``keys``."""

    def __init__(self) -> None:
        self.keys = ""
        self.drawn: dict[str, list[str]] = {}
        self.interactions: list[Interaction] = []
        self.answers = 0  # the number recorded


Name = tuple[str, str]
"""The name of a group: that of the run and that of the test, which is empty outside of tests."""


class Cassette:
    """The groups of a file, by name. ``asked`` has the interactions that were replayed, ``begun`` the groups that ran.

    Recorders and players of several hosts may share it. Changes are made under its ``lock``.
    """

    def __init__(self, path: Path, groups: dict[Name, Group], *, recording: bool) -> None:
        self.path = path
        self.recording = recording
        self.lock = threading.RLock()
        self.groups = groups
        self.begun: set[Name] = set()
        self.asked: set[Interaction] = set()

    @classmethod
    def to_replay(cls, path: str | os.PathLike[str]) -> Cassette:
        """Read a cassette from its file. Raises ``ConfigError`` naming the wrong line."""
        return cls(Path(path), _read(Path(path)), recording=False)

    @classmethod
    def to_record(cls, path: str | os.PathLike[str], *, keep: bool = False) -> Cassette:
        """A cassette that will replace the file, or with ``keep`` only those of its groups that are recorded again.

        Raises ``ConfigError`` if the file cannot be written, or is not a cassette, in which case it stays as it is.
        """
        file = Path(path)
        folder = file.parent
        if file.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
            reason = "it is a folder" if file.is_dir() else "its folder does not exist, or is not writable"
            raise ConfigError(f"the cassette {file} cannot be written: {reason}")
        groups: dict[Name, Group] = {}
        if file.exists() and file.stat().st_size:
            _check_ours(file)
            groups = _read(file) if keep else {}
        return cls(file, groups, recording=True)

    def group(self, run: str, test: str) -> Group:
        """The group of a name. The first recorder that asks for it gets an empty one."""
        name = run, test
        with self.lock:
            found = self.groups.get(name)
            if found is None or (self.recording and name not in self.begun):
                found = self.groups[name] = Group()
            self.begun.add(name)
            return found

    def save(self) -> None:
        """Write the whole file, or leave it unchanged. Raises ``ConfigError``."""
        with self.lock:
            data = b"".join(f"{line}\n".encode() for line in self._lines())
        target = self.path.resolve()  # keeps a symbolic link
        beside = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            try:
                beside.write_bytes(data)
                beside.replace(target)
            finally:
                beside.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"the cassette {self.path} cannot be written: {error.strerror}") from error

    def unreplayed(self, *, begun_only: bool = False) -> list[tuple[Name, Interaction]]:
        """Recorded interactions that were not replayed, in file order; with ``begun_only`` of groups that ran."""
        with self.lock:
            names = [name for name in self._names() if not begun_only or name in self.begun]
            return [(name, each) for name in names for each in self.groups[name].interactions if each not in self.asked]

    def _names(self) -> list[Name]:
        return sorted(self.groups, key=lambda name: (_natural(name[0]), _natural(name[1])))

    def _lines(self) -> list[str]:
        lines = [_json({_MARK: VERSION})]
        for run, test in self._names():
            group = self.groups[run, test]
            whose = {**({"run": run} if run else {}), **({"test": test} if test else {})}
            drawn = {"drawn": {name: group.drawn[name] for name in sorted(group.drawn)}} if group.drawn else {}
            keys = {"keys": group.keys} if group.keys else {}
            if drawn or keys:
                lines.append(_json({**whose, **drawn, **keys}))
            place = 0
            for each in group.interactions:
                place += each.answer is not None
                late = {"answered": each.answered} if each.answered not in (None, place) else {}
                lines.append(_json({**whose, "request": each.request, "answer": each.answer, **late}))
        return lines


class CassettePart(NamedTuple):
    """A host's part of a shared cassette, with the name of its runs."""

    cassette: Cassette
    name: str


def _natural(text: str) -> list[tuple[int, int, str]]:
    """A sort key that compares the numbers in a name by value."""
    return [(0, int(each), "") if each.isdecimal() else (1, 0, each) for each in re.split(r"(\d{1,15})", text) if each]


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return json.dumps(value)
    return text


def _check_ours(path: Path) -> None:
    with path.open("rb") as file:
        first = file.readline(200)
    if _MARK.encode() not in first:
        raise ConfigError(
            f"{path} exists and is not a cassette, so it is not overwritten",
            hint="name another file for the cassette, or remove this one",
        )


def _read(path: Path) -> dict[Name, Group]:
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        hint = "record it first: --record FILE, Host(record=FILE)" if isinstance(error, FileNotFoundError) else None
        raise ConfigError(f"the cassette {path} cannot be read: {error.strerror}", hint=hint) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the cassette {path} cannot be read: it is not UTF-8 text") from error
    groups: dict[Name, Group] = {}
    lines = text.split("\n")
    if not text.strip():
        raise ConfigError(f"{path} is empty; a cassette begins with a line that identifies it")
    for number, line in enumerate(lines, 1):
        if line.strip():
            _take(groups, _decoded(path, number, line, is_last=number == len(lines)), path, number)
    return groups


def _decoded(path: Path, number: int, line: str, *, is_last: bool) -> dict[str, Any]:
    if line.startswith(("<<<<<<<", "=======", ">>>>>>>", "|||||||")):
        raise ConfigError(
            f"{path}:{number}: the file has unresolved merge conflicts", hint="keep the lines of both sides"
        )
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        if number == 1:
            raise _no_cassette(path) from None
        what = "the line is cut off, and is not JSON" if is_last else "the line is not JSON"
        raise ConfigError(f"{path}:{number}: {what}; a cassette has one JSON object per line") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{path}:{number}: expected a JSON object")
    if number == 1 and _MARK not in found:
        raise _no_cassette(path)
    return found


def _no_cassette(path: Path) -> ConfigError:
    return ConfigError(f"{path}:1: this is not a cassette, whose first line is {json.dumps({_MARK: VERSION})}")


def _take(groups: dict[Name, Group], found: dict[str, Any], path: Path, number: int) -> None:
    """Add a line to its group."""
    where = f"{path}:{number}"
    if _MARK in found:  # repeated where cassettes were merged
        if found != {_MARK: VERSION}:
            raise ConfigError(
                f"{where}: a cassette of version {json.dumps(found[_MARK])}, and this luahost reads version {VERSION}",
                hint="record it again with --record",
            )
        return
    for name in found:
        if name not in _MEMBERS:
            raise ConfigError(f"{where}: {name!r} is not a member of a line; expected one of {', '.join(_MEMBERS)}")
    try:
        line = msgspec.convert(found, _Line)
        if line.request is None and line.drawn is None and not line.keys:
            raise ValueError("expected a request, or the values a run has drawn")
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
    group = groups.setdefault((line.run, line.test), Group())
    group.keys = group.keys or line.keys
    for name, values in (line.drawn or {}).items():
        group.drawn.setdefault(name, []).extend(values)
    if line.request is not None:
        _check_interaction(line.request, line.answer, where)
        group.interactions.append(Interaction(line.request, line.answer, line.answered, number))


class _Line(msgspec.Struct):
    run: str = ""
    test: str = ""
    request: dict[str, Any] | None = None
    answer: dict[str, Any] | None = None
    answered: int | None = None
    drawn: dict[str, list[str]] | None = None
    keys: str = ""


def _check_interaction(request: dict[str, Any], answer: dict[str, Any] | None, where: str) -> None:
    for name, value in request.items():
        if name not in _KINDS and name not in FORMS:
            raise ConfigError(f"{where}: request.{name} is not a member of a request")
        kind, words = _KINDS.get(name, (object, ""))
        if not isinstance(value, kind):
            raise ConfigError(f"{where}: request.{name} is {json.dumps(value)[:60]}; expected {words}")
    if "method" not in request or not ("url" in request or {"api", "path"} <= request.keys()):
        raise ConfigError(f"{where}: a request has a method, and a url, or an api and a path")
    if answer is not None and not (type(answer.get("status")) is int or isinstance(answer.get("error"), dict)):
        raise ConfigError(f"{where}: an answer has a status, which is a number, or an error")
