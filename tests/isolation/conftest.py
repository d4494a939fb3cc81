"""The fixtures of runs, for tests of this package."""

from tests.run.conftest import fails, host, run

__all__ = ["fails", "host", "run"]
