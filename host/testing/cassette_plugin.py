"""A cassette for a pytest session. The plugin is registered with ``--lua-record`` or ``--lua-replay``."""

from __future__ import annotations

from typing import Any

import pytest

from host.errors import HostError
from host.testing.cassettes import TestsCassette

__all__ = ["CassetteOfSession"]


class CassetteOfSession:
    """The plugin. Raises ``pytest.UsageError`` for a cassette that cannot be used."""

    def __init__(self, config: pytest.Config, record: str | None, replay: str | None) -> None:
        if record is not None and (hasattr(config, "workerinput") or config.getoption("numprocesses", None)):
            raise pytest.UsageError("--lua-record writes one file, and needs one process: omit -n, or use -n 0")
        try:
            self._cassette = TestsCassette(record=record, replay=replay)
        except HostError as error:
            raise pytest.UsageError("\n".join(filter(None, [error.message, error.hint]))) from None

    def options(self, name: str) -> dict[str, Any]:
        """Options for the host of the test or file of this name."""
        return self._cassette.options(name)

    def pytest_report_header(self) -> str | None:
        """A line that says which API is recorded."""
        return None if self._cassette.notice is None else f"luahost: {self._cassette.notice}"

    def pytest_sessionfinish(self) -> None:
        """Write the recording."""
        self._cassette.close()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List what was recorded but not requested by the tests that ran."""
        for line in self._cassette.unreplayed_lines(of_all=False):
            terminalreporter.write_line(line)
