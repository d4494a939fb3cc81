"""What ``test`` prints: marks or names as tests end, failures and totals at the end; or TAP."""

from __future__ import annotations

from typing import Literal

import click

from host.cli.live_or_simulated import not_modelled_lines
from host.errors import ScriptError, UsageError
from host.testing.cases import LuaTest, Outcome, describe
from host.testing.reports import LuaTestResult, tap_lines

__all__ = ["TestsReport"]

_MARKS = {"passed": ".", "failed": "F", "pending": "p"}


class TestsReport:
    """``results`` are those of all tests so far. ``skipped`` were not chosen, ``notes`` are lines for the end."""

    def __init__(self, form: Literal["marks", "names", "tap"]) -> None:
        self.results: list[LuaTestResult] = []
        self.skipped = 0
        self.not_modelled: dict[str, None] = {}
        self.notes: list[str] = []
        self._form = form
        self._file = ""
        if form == "tap":
            click.echo("TAP version 14")

    @property
    def failed(self) -> int:
        """How many failed."""
        return self._count("failed")

    def begin(self, file: str) -> None:
        """The tests of a file begin."""
        self._file = file
        if self._form != "tap":
            click.echo(file if self._form == "names" else f"{file} ", nl=self._form == "names")

    def add(self, file: str, test: LuaTest, outcome: Outcome, seconds: float) -> None:
        """A test has ended."""
        self._add(LuaTestResult(file, test.name, outcome, seconds, test.line))
        if self._form == "names":
            reason = f" ({outcome.reason})" if outcome.reason else ""
            click.echo(f"  {outcome.status:7} {test.name}{reason}")
        elif self._form == "marks":
            click.echo(_MARKS[outcome.status], nl=False)

    def broken(self, file: str, error: ScriptError) -> None:
        """A file did not load, or its last teardown failed."""
        self._add(LuaTestResult(file, "", Outcome("failed", error), 0.0, error.line))

    def end(self) -> None:
        """The file is done."""
        if self._file and self._form == "marks":
            click.echo()
        self._file = ""

    def finish(self, seconds: float, *, files: int) -> int:
        """Print the failures and the totals; returns the exit code."""
        if not self.results:
            if self.skipped:
                raise UsageError(f"none of the {self.skipped} tests matches -k")
            where = f" in {files} files" if files else ": no file is named *_test.lua or test_*.lua"
            raise UsageError(f"there are no tests{where}")
        prefix = "" if self._form != "tap" else "# "
        if self._form == "tap":
            click.echo(f"1..{len(self.results)}")
        else:
            for result in self.results:
                if result.error is not None:
                    click.echo(f"\n{_failure(result, result.error)}")
        for line in (*not_modelled_lines(list(self.not_modelled)), *self.notes):
            click.echo(f"{prefix}{line}")
        counted = [f"{n} {status}" for status in _MARKS if (n := self._count(status))]
        left = f", {self.skipped} deselected" if self.skipped else ""
        click.echo(f"{prefix or chr(10)}{', '.join(counted)}{left} in {seconds:.2f} s")
        return 1 if self.failed else 0

    def _add(self, result: LuaTestResult) -> None:
        self.results.append(result)
        if self._form == "tap":
            for line in tap_lines(len(self.results), result):
                click.echo(line)

    def _count(self, status: str) -> int:
        return sum(1 for each in self.results if each.outcome.status == status)


def _failure(result: LuaTestResult, error: ScriptError) -> str:
    output = result.outcome.output
    shown = "\n".join(f"    {line}" for line in output.rstrip("\n").splitlines())
    printed = f"\n\n  it printed:\n{shown}" if output else ""
    return f"failed: {result.name or result.file}\n\n{describe(error)}{printed}"
