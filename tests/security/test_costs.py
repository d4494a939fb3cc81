"""What one instruction or one call of C costs counts: no script goes far beyond its Lua time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from host import Host, Limits
from tests.security.costs import COSTS, cost

LUA_TIME = 0.1
OVER = 1.5  # seconds of processor time beyond it: a busy machine's caches, a collection of 256 MB, one more look


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host(simulate=True, limits=Limits(lua_time=LUA_TIME)) as host:
        yield host


@pytest.mark.parametrize("name", COSTS)
def test_no_script_takes_long_after_its_time(host: Host, name: str) -> None:
    """Counted in this process's own time, as the machine may have other things to do."""
    seconds, kind = cost(host, name)
    assert kind == "limit"
    assert seconds < LUA_TIME + OVER
