"""What a Lua test is, how it ended, and how that reads."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from host.errors import ScriptError, UsageError
from host.report.errors import describe as describe_error
from host.run.script import Script

PATTERNS = ("*_test.lua", "test_*.lua")


class LuaTest(msgspec.Struct, frozen=True):
    """One ``it``: ``names`` are the blocks' around it and its own, ``index`` is its place in the file."""

    index: int
    names: tuple[str, ...]
    line: int
    pending: bool = False

    @property
    def name(self) -> str:
        """The names joined, as busted shows them."""
        return " ".join(self.names)


class Outcome(msgspec.Struct, frozen=True):
    """How a test ended: ``error`` if it failed, ``reason`` if it is pending, ``output`` is what it wrote."""

    status: Literal["passed", "failed", "pending"]
    error: ScriptError | None = None
    reason: str = ""
    output: str = ""


class Fixtures:
    """Where ``fixture("name")`` in a test gets its value. This one has none."""

    def get(self, name: str) -> Any:
        """The fixture's value. Raises ``LookupError`` with a message."""
        raise LookupError(f'fixture("{name}"): Python fixtures are there when the file runs under pytest')


def failure(facts: Mapping[str, Any], path: Path, name: str, cause: BaseException | None = None) -> ScriptError:
    """The error of a test from its facts, with the source around its line."""
    script, line = facts.get("script") or name, facts.get("line")
    line = line if isinstance(line, int) else None
    file = path if script == name else Path(str(script))
    source = ""
    if line is not None and file.is_file():
        source = Script.read(file).lines(line)
    return ScriptError(
        str(facts.get("message") or "error"),
        script=str(script),
        line=line,
        source=source,
        kind=str(facts.get("kind") or "error"),
        facts=dict(facts),
        cause=cause,
        hint=facts.get("hint"),
    )


def describe(error: ScriptError) -> str:
    """A failed test's text: place and message, the values, the source, the facts of a failed call."""
    values = [
        f"  {label}: {error.facts[name]}"
        for name, label in (("expected", "expected"), ("actual", "actual  "))
        if isinstance(error.facts.get(name), str)
    ]
    shown = error
    if error.kind == "assertion":  # the word says nothing that the message does not
        shown = ScriptError(error.message, script=error.script, line=error.line, source=error.source)
    head, _, rest = describe_error(shown).partition("\n")
    return "\n".join([head, *values, *([rest] if rest else [])])


def discover(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    """Every test file below the paths, sorted; a file that is named is one whatever its name.

    Raises ``UsageError`` for a path that is not there.
    """
    for each in paths:
        path = Path(each)
        if path.is_dir():
            found = {file for pattern in PATTERNS for file in path.rglob(pattern)}
            yield from sorted(file for file in found if not _hidden(file.relative_to(path)))
        elif path.exists():
            yield path
        else:
            raise UsageError(f"there is no file or folder {path}")


def is_test_file(path: Path) -> bool:
    """Whether a file's name says that it holds Lua tests."""
    return any(fnmatch.fnmatchcase(path.name, pattern) for pattern in PATTERNS)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part in ("node_modules", "__pycache__") for part in path.parts)
