"""``test``: Lua files as tests, against the simulator."""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click
import msgspec

from host.cli.arguments import SECONDS
from host.cli.cassette_options import CassetteOptions, cassette_options
from host.cli.coverage_options import Covering, coverage_options
from host.cli.live_or_simulated import not_modelled_lines
from host.cli.strict import StrictCommand
from host.errors import ScriptError, UsageError
from host.testing.cases import LuaTest, Outcome, describe, discover
from host.testing.selection import Selection, selection

if TYPE_CHECKING:
    from host.testing.cassettes import TestsCassette

__all__ = ["command"]

_EPILOG = """\b
Examples:
  python -m host test
  python -m host test tests/lua/payment_test.lua -k "declined and not refund" -x

\b
Exit codes:
  0    all tests passed
  1    a test failed, a file could not be loaded, or less was reached than --coverage-fail-under
  2    usage: a path that is not there, a wrong -k, no tests at all
  130  interrupted
"""

_MARKS = {"passed": ".", "failed": "F", "pending": "p"}


@click.command(name="test", cls=StrictCommand, epilog=_EPILOG)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path())
@click.option("-k", "expression", metavar="EXPR", help="Run tests whose names match: words, and, or, not.")
@click.option("-x", "first_only", is_flag=True, help="Stop after the first failure.")
@click.option("-v", "--verbose", is_flag=True, help="Show each test's name.")
@click.option(
    "--timeout",
    type=SECONDS,
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Let no test take longer than this.",
)
@cassette_options
@click.option("--lenient", is_flag=True, help="Answer by its shape what the simulator does not model, and list it.")
@coverage_options
def command(
    paths: tuple[str, ...],
    expression: str | None,
    first_only: bool,
    verbose: bool,
    timeout: float,
    lenient: bool,
    cassette: CassetteOptions,
    covering: Covering,
) -> int:
    """Run Lua tests: the files *_test.lua and test_*.lua in PATH (default: here), each on a new simulator."""
    wanted = selection(expression) if expression is not None else None
    files = list(discover(paths or (".",)))
    report = _TestReport(verbose)
    options: dict[str, Any] = {"lenient": True} if lenient else {}
    if covering.sinks:
        options["sinks"] = covering.sinks
    taped = _tests_cassette(cassette)
    started = monotonic()
    try:
        for path in files:
            name = os.path.relpath(path) if not path.is_absolute() else str(path)
            given = {**options, **(taped.options(name) if taped is not None else {})}
            if not _run_file(path, name, wanted, report, timeout=timeout, first_only=first_only, options=given):
                break
    finally:
        if taped is not None:
            taped.close()
    if taped is not None:
        report.notes += taped.unasked_lines(of_all=not (paths or expression or first_only))
    status = report.finish(monotonic() - started, files=len(files))
    return status if covering.report() else status or 1


def _tests_cassette(cassette: CassetteOptions) -> TestsCassette | None:
    if cassette.given is None:
        return None
    from host.testing.cassettes import TestsCassette  # few test runs are recorded or replayed

    taped = TestsCassette(**cassette.arguments())
    if taped.notice is not None:
        click.echo(taped.notice, err=True)
    return taped


def _run_file(
    path: Path,
    name: str,
    wanted: Selection | None,
    report: _TestReport,
    *,
    timeout: float,
    first_only: bool,
    options: dict[str, Any],
) -> bool:
    """Whether to go on with the next file."""
    from host.testing.suite import LuaTestFile  # Lua and the loop: once there is a file to run

    file = LuaTestFile(path, name, limit=timeout, options=options)
    failed_before = report.failed
    try:
        tests = file.tests()
        chosen = [test for test in tests if wanted is None or wanted(f"{name} {test.name}")]
        report.skipped += len(tests) - len(chosen)
        if chosen:
            report.begin(name)
        for i, test in enumerate(chosen, 1):
            outcome = Outcome("pending") if test.pending else file.run(test, later=chosen[i:])
            report.add(test, outcome)
            if first_only and report.failed:
                break
        file.close()
    except ScriptError as error:
        report.broken(name, error)
    finally:
        file.kill()
        report.not_modelled.update(dict.fromkeys(file.not_modelled))
        report.end()
    return not (first_only and report.failed > failed_before)


class _TestReport(msgspec.Struct):
    verbose: bool
    passed: int = 0
    failed: int = 0
    pending: int = 0
    skipped: int = 0
    texts: list[str] = msgspec.field(default_factory=list)
    not_modelled: dict[str, None] = msgspec.field(default_factory=dict)
    notes: list[str] = msgspec.field(default_factory=list)
    _name: str = ""
    _open: bool = False

    def begin(self, name: str) -> None:
        self._name = name
        self._open = True
        click.echo(name if self.verbose else f"{name} ", nl=self.verbose)

    def add(self, test: LuaTest, outcome: Outcome) -> None:
        setattr(self, outcome.status, getattr(self, outcome.status) + 1)
        if self.verbose:
            reason = f" ({outcome.reason})" if outcome.reason else ""
            click.echo(f"  {outcome.status:7} {test.name}{reason}")
        else:
            click.echo(_MARKS[outcome.status], nl=False)
        if outcome.error is not None:
            output = f"\n\n  it printed:\n{_indented(outcome.output)}" if outcome.output else ""
            self.texts.append(f"failed: {test.name}\n\n{describe(outcome.error)}{output}")

    def broken(self, name: str, error: ScriptError) -> None:
        self.failed += 1
        self.texts.append(f"failed: {name}\n\n{describe(error)}")

    def end(self) -> None:
        if self._open and not self.verbose:
            click.echo()
        self._open = False

    def finish(self, seconds: float, *, files: int) -> int:
        """Print the failures and the totals; gives the exit code."""
        for text in self.texts:
            click.echo(f"\n{text}")
        if not self.passed + self.failed + self.pending:
            if self.skipped:
                raise UsageError(f"none of {self.skipped} tests matches -k")
            where = f" in {files} files" if files else ": no file is named *_test.lua or test_*.lua"
            raise UsageError(f"there are no tests{where}")
        totals = [f"{self.passed} passed", f"{self.failed} failed", f"{self.pending} pending"]
        shown = ", ".join(each for each in totals if not each.startswith("0 ")) or "nothing run"
        for line in (*not_modelled_lines(list(self.not_modelled)), *self.notes):
            click.echo(line)
        left = f", {self.skipped} not chosen" if self.skipped else ""
        click.echo(f"\n{shown}{left} in {seconds:.2f} s")
        return 1 if self.failed else 0


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.rstrip("\n").splitlines())
