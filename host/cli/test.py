"""``test``: Lua files as tests, against the simulator."""

from __future__ import annotations

import os
import random
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from host.cli.arguments import SECONDS
from host.cli.cassette_options import CassetteOptions, cassette_options
from host.cli.coverage_options import Covering, coverage_options
from host.cli.strict import StrictCommand
from host.cli.testing_options import TestingOptions, testing_options
from host.cli.testing_report import TestsReport
from host.errors import ScriptError
from host.testing.cases import Outcome, discover
from host.testing.reports import junit_xml
from host.testing.selection import Selection, selection

if TYPE_CHECKING:
    from host.testing.cassettes import TestsCassette
    from host.testing.suite import LuaTestFile

__all__ = ["command"]

_EPILOG = """\b
Examples:
  python -m host test
  python -m host test tests/lua/payment_test.lua -k "declined and not refund" -x

\b
Exit codes:
  0    all tests passed
  1    a test failed, a file could not be loaded, or less was reached than --coverage-fail-under
  2    usage: a missing path, an invalid -k, no tests at all
  130  interrupted
"""


@click.command(name="test", cls=StrictCommand, epilog=_EPILOG)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path())
@click.option("-k", "expression", metavar="EXPR", help="Run only tests whose names match EXPR: words, and, or, not.")
@click.option("-x", "first_only", is_flag=True, help="Stop after the first failure.")
@click.option(
    "--timeout",
    type=SECONDS,
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Time limit of each test.",
)
@testing_options
@cassette_options
@click.option(
    "--lenient", is_flag=True, help="Answer what the simulator does not model from the schema alone, and list it."
)
@coverage_options
def command(
    paths: tuple[str, ...],
    expression: str | None,
    first_only: bool,
    timeout: float,
    lenient: bool,
    testing: TestingOptions,
    cassette: CassetteOptions,
    covering: Covering,
) -> int:
    """Run Lua tests: the files *_test.lua and test_*.lua in PATH (default: here), each on a simulator of its own."""
    wanted = selection(expression) if expression is not None else None
    options: dict[str, Any] = {"lenient": True} if lenient else {}
    if covering.sinks:
        options["sinks"] = covering.sinks
    chosen = _Chosen(paths, wanted, first_only, timeout)
    if not testing.watch:
        status = _run(chosen, testing, cassette, options)
        return status if covering.report() else status or 1
    from host.cli.testing_watch import watch  # seldom asked for

    testing.refuse_watching(cassette.record is not None and "--record", bool(covering.sinks) and "--coverage")
    watch(paths or (".",), lambda: _run(chosen, testing, cassette, options))
    return 0


class _Chosen(NamedTuple):
    """Which tests are run. ``wanted`` says so by their names."""

    paths: tuple[str, ...]
    wanted: Selection | None
    first_only: bool
    timeout: float

    @property
    def is_all(self) -> bool:
        """Whether all there are."""
        return not (self.paths or self.wanted or self.first_only)


def _run(chosen: _Chosen, testing: TestingOptions, cassette: CassetteOptions, options: dict[str, Any]) -> int:
    """Run them once, report, and give the exit code."""
    files = list(discover(chosen.paths or (".",)))
    report = TestsReport(testing.form)
    chance = None if testing.seed is None else random.Random(testing.seed)  # noqa: S311 - an order, no secret
    if chance is not None:
        chance.shuffle(files)
        report.notes.append(f"in the order of --seed {testing.seed}")
    taped = _tests_cassette(cassette)
    from host.testing.suite import LuaTestFile  # Lua and the loop: once there is something to run

    started = monotonic()
    try:
        for path in files:
            name = os.path.relpath(path) if not path.is_absolute() else str(path)
            given = {**options, **(taped.options(name) if taped is not None else {})}
            file = LuaTestFile(path, name, limit=chosen.timeout, options=given, seed=testing.seed)
            if not _run_file(file, chosen.wanted, report, first_only=chosen.first_only, chance=chance):
                break
    finally:
        if taped is not None:
            taped.close()
    if taped is not None:
        report.notes += taped.unreplayed_lines(of_all=chosen.is_all)
    if testing.junit is not None:
        Path(testing.junit).write_bytes(junit_xml(report.results))
    return report.finish(monotonic() - started, files=len(files))


def _tests_cassette(cassette: CassetteOptions) -> TestsCassette | None:
    if cassette.given is None:
        return None
    from host.testing.cassettes import TestsCassette  # few test runs are recorded or replayed

    taped = TestsCassette(**cassette.arguments())
    if taped.notice is not None:
        click.echo(taped.notice, err=True)
    return taped


def _run_file(
    file: LuaTestFile,
    wanted: Selection | None,
    report: TestsReport,
    *,
    first_only: bool,
    chance: random.Random | None,
) -> bool:
    """Whether to continue with the next file."""
    name = file.name
    failed_before = report.failed
    try:
        tests = file.tests()
        chosen = [test for test in tests if wanted is None or wanted(f"{name} {test.name}")]
        report.skipped += len(tests) - len(chosen)
        if chance is not None:
            chance.shuffle(chosen)
        if chosen:
            report.begin(name)
        for i, test in enumerate(chosen, 1):
            began = monotonic()
            outcome = Outcome("pending") if test.pending else file.run(test, later=chosen[i:])
            report.add(name, test, outcome, monotonic() - began)
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
