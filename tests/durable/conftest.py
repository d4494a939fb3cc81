"""The fixtures of runs, for durable ones."""

from tests.run.conftest import fails, host, lab, run

__all__ = ["fails", "host", "lab", "run"]
