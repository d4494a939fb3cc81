"""The fixtures of durable runs."""

from tests.run.conftest import lab

__all__ = ["lab"]
