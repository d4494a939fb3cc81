"""Lua tests, their outcomes, and the text of failures."""

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
    """One ``it``: ``names`` are those of the blocks around it and its own, ``index`` is its position in the file."""

    index: int
    names: tuple[str, ...]
    line: int
    pending: bool = False

    @property
    def name(self) -> str:
        """The joined names, as busted shows them."""
        return " ".join(self.names)


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of a test: ``error`` if it failed, ``reason`` if it is pending, and its ``output``."""

    status: Literal["passed", "failed", "pending"]
    error: ScriptError | None = None
    reason: str = ""
    output: str = ""


class Fixtures:
    """Provides the values of ``fixture("name")`` in tests. This base class has none."""

    def get(self, name: str) -> Any:
        """The value of a fixture. Raises ``LookupError`` with a message."""
        raise LookupError(f'fixture("{name}"): Python fixtures are available when the file runs under pytest')


def failure(facts: Mapping[str, Any], path: Path, name: str, cause: BaseException | None = None) -> ScriptError:
    """The error of a test, made from its facts, with the source around its line."""
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
    """The text of a failed test: place and message, the values, the source, and the facts of a failed call."""
    values = [
        f"  {label}: {error.facts[name]}"
        for name, label in (("expected", "expected"), ("actual", "actual  "))
        if isinstance(error.facts.get(name), str)
    ]
    shown = error
    if error.kind == "assertion":  # the kind adds nothing to the message
        shown = ScriptError(error.message, script=error.script, line=error.line, source=error.source)
    head, _, rest = describe_error(shown).partition("\n")
    return "\n".join([head, *values, *([rest] if rest else [])])


def discover(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    """Every test file below the paths, sorted. A file that is given itself counts, whatever its name.

    Raises ``UsageError`` for a path that does not exist.
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
    """Whether a file has Lua tests, by its name."""
    return any(fnmatch.fnmatchcase(path.name, pattern) for pattern in PATTERNS)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part in ("node_modules", "__pycache__") for part in path.parts)
