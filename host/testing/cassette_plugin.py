"""A cassette for a pytest session: the plugin that is there where ``--lua-record`` or ``--lua-replay`` is given."""

from __future__ import annotations

from typing import Any

import pytest

from host.errors import HostError
from host.testing.cassettes import TestsCassette

__all__ = ["CassetteOfSession"]


class CassetteOfSession:
    """Raises ``pytest.UsageError`` for a cassette that cannot be."""

    def __init__(self, config: pytest.Config, record: str | None, replay: str | None) -> None:
        if record is not None and (hasattr(config, "workerinput") or config.getoption("numprocesses", None)):
            raise pytest.UsageError("--lua-record writes one file, and needs one process: leave -n out, or say -n 0")
        try:
            self._cassette = TestsCassette(record=record, replay=replay)
        except HostError as error:
            raise pytest.UsageError("\n".join(filter(None, [error.message, error.hint]))) from None

    def options(self, name: str) -> dict[str, Any]:
        """What the host of the test or file of this name is given."""
        return self._cassette.options(name)

    def pytest_report_header(self) -> str | None:
        """Whom it is recorded with."""
        return None if self._cassette.notice is None else f"luahost: {self._cassette.notice}"

    def pytest_sessionfinish(self) -> None:
        """Write what was recorded."""
        self._cassette.close()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was recorded and not asked for, by the tests that ran."""
        for line in self._cassette.unasked_lines(of_all=False):
            terminalreporter.write_line(line)
