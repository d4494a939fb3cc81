"""Coverage of Lua files under pytest, including processes of pytest-xdist. Registered if an option asks for it."""

from __future__ import annotations

import os
from typing import Any

import pytest

from host.errors import HostError, UsageError
from host.testing.coverage import Coverage
from host.testing.coverage_reports import CoverageForm, coverage_form, report_coverage

_SENT = "lua_coverage"  # the key under which a process of xdist sends its counts


class CoverageOfSession:
    """The plugin. ``coverage`` counts the lines for all hosts of the session."""

    def __init__(self, config: pytest.Config) -> None:
        least = config.getoption("lua_coverage_fail_under")
        if least is not None and not 0 <= least <= 100:
            raise pytest.UsageError(f"--lua-coverage-fail-under is {least:g}; expected 0 to 100")
        folder = config.invocation_params.dir
        sources = [os.path.join(folder, each) for each in config.getoption("lua_coverage_source")]
        try:
            self._forms = [coverage_form(each) for each in config.getoption("lua_coverage")] or [CoverageForm("text")]
            self.coverage = Coverage(sources, within=config.rootpath)
        except UsageError as error:
            raise pytest.UsageError(f"--lua-coverage: {error.message}") from None
        self._least: float | None = least
        self._report = ""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add the counts of a process of xdist that has ended."""
        self.coverage.add_plain(getattr(node, "workeroutput", {}).get(_SENT, ()))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports. Insufficient coverage fails a successful session."""
        sent = getattr(session.config, "workeroutput", None)
        if sent is not None:
            sent[_SENT] = self.coverage.plain()
            return
        try:
            self._report, enough = report_coverage(self.coverage, self._forms, self._least)
        except HostError as error:
            self._report, enough = error.message, False
        if not enough and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the table and the paths of the reports."""
        if self._report:
            terminalreporter.section("Lua coverage")
            terminalreporter.write_line(self._report)
