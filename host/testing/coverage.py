"""Counts the lines of Lua files that a test run reached, over all runs, states and processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from host.errors import UsageError
from host.events import Event, LinesReached
from host.run.script import without_shebang
from host.testing.cases import is_test_file

__all__ = ["Coverage", "FileCoverage"]

MOST_LINE = 10_000_000  # the highest line number accepted from another process


class FileCoverage(msgspec.Struct, frozen=True):
    """The coverage of one file. ``reached`` has the number of times each executable line was reached."""

    path: Path
    reached: dict[int, int]
    text: str

    @property
    def missed(self) -> list[int]:
        """The lines that were not reached."""
        return [line for line, count in self.reached.items() if not count]

    @property
    def hit(self) -> int:
        """The number of lines that were reached."""
        return sum(count > 0 for count in self.reached.values())


class Coverage:
    """An event sink that counts lines.

    ``sources`` are files and folders of which all Lua files are reported, even those never loaded, and no others.
    Without ``sources``, all loaded files below ``within`` are reported. Test files are left out.
    """

    lines = True

    def __init__(self, sources: Iterable[str | os.PathLike[str]] = (), within: Path | None = None) -> None:
        self._sources = [Path(each).resolve() for each in sources]
        self._within = within
        self._lock = threading.Lock()
        self._counts: dict[str, dict[tuple[int, int], int]] = {}
        for given, path in zip(sources, self._sources, strict=True):
            if not path.exists():
                raise UsageError(f"there is no file or folder {os.fspath(given)} to find the coverage of")

    def emit(self, event: Event) -> None:
        """Count the lines in an event."""
        if isinstance(event, LinesReached):
            self._add(os.path.abspath(event.file), event.counts)

    def plain(self) -> list[Any]:
        """The counts as plain values for another process; see :meth:`add_plain`."""
        with self._lock:
            return [
                [file, [[begun, line, count] for (begun, line), count in counts.items()]]
                for file, counts in self._counts.items()
            ]

    def add_plain(self, counted: Iterable[Any]) -> None:
        """Add the counts of another process."""
        for file, counts in counted:
            self._add(str(file), counts)

    def _add(self, file: str, counts: Iterable[Iterable[int]]) -> None:
        with self._lock:
            known = self._counts.setdefault(file, {})
            for begun, line, count in counts:
                if line <= MOST_LINE:
                    known[begun, line] = known.get((begun, line), 0) + count

    def files(self) -> list[FileCoverage]:
        """All files, by path. A file that does not compile has no lines; one that no longer exists is left out."""
        from host.lua.executable_lines import executable_lines  # only needed after the tests

        found = []
        for path in sorted(self._paths()):
            try:
                text = path.read_bytes()
            except OSError:
                continue
            lines = executable_lines(without_shebang(text))
            with self._lock:
                counts = [(begun, line, n) for (begun, line), n in self._counts.get(str(path), {}).items()]
            reached = {} if lines is None else lines.reached(counts)
            found.append(FileCoverage(path, reached, text.decode("utf-8-sig", "replace")))
        return found

    def _paths(self) -> set[Path]:
        loaded = {Path(file) for file in self._counts}
        if self._sources:
            listed = {file for source in self._sources for file in _lua_files(source)}
            return {*listed, *(path for path in loaded if path.resolve() in listed)}
        return {path for path in loaded if not is_test_file(path) and self._is_within(path)}

    def _is_within(self, path: Path) -> bool:
        return self._within is None or self._within in path.parents


def _lua_files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    for path in source.rglob("*.lua"):
        hidden = any(part.startswith(".") or part == "node_modules" for part in path.relative_to(source).parts)
        if not hidden and not is_test_file(path) and path.is_file():
            yield path


def share(files: Iterable[FileCoverage]) -> float:
    """The percentage of lines reached in the files; 100 if they have no lines."""
    counted = list(files)
    lines, hit = sum(len(each.reached) for each in counted), sum(each.hit for each in counted)
    return 100.0 if not lines else 100.0 * hit / lines
