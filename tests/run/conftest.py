"""One simulated host for the tests of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host import Host, RunResult, ScriptError
from tests.durable.lab import Lab

Run = Callable[..., RunResult]


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host(simulate=True) as host:
        yield host


@pytest.fixture
def run(host: Host) -> Run:
    """``run(code, …)`` of Lua source text."""
    return host.run_source


@pytest.fixture
def fails(host: Host) -> Callable[..., ScriptError]:
    """``fails(code, …)``: the error that the run ends with."""

    def run(code: str, **options: Any) -> ScriptError:
        result = host.run_source(code, **options)
        assert result.error is not None, result
        assert result.value is None
        return result.error

    return run


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)
