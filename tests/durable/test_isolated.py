"""Durable runs whose Lua side is a process of its own."""

from __future__ import annotations

import sys

import pytest

from tests.durable.lab import Lab
from tests.durable.test_replay import WAYS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the confinement is Linux's")


def test_broken_off_at_any_record_an_isolated_run_comes_to_the_same_end(lab: Lab) -> None:
    """As in one process; and what began isolated goes on in process, and the other way round."""
    with lab.host(isolation="process") as host:
        whole = host.run_source(WAYS, run_id="r")
        assert whole.error is None, whole.error
        assert lab.made() == 10
        rows = lab.sql("SELECT * FROM luahost_record")
        # One host for all: it starts its processes from one that is warm.
        for after in range(0, len(rows), 3):
            lab.sql("DELETE FROM luahost_record")
            for row in rows:
                lab.sql(f"INSERT INTO luahost_record VALUES ({', '.join('?' * len(row))})", *row)
            lab.break_off(after)
            again = lab.resume() if after % 5 == 0 else host.resume("r")
            assert again.error is None, (after, again.error, again.error.hint)
            assert (again.value, again.output, lab.made()) == (whole.value, whole.output, 10), after


def test_what_differs_each_time_is_recorded_of_an_isolated_run(lab: Lab) -> None:
    """Time, random numbers, memory and the order of pairs."""
    code = """
      local t = {os.time(), math.random(), collectgarbage("count"), os.clock()}
      for name in pairs{b = 1, a = 2, d = 3, c = 4} do t[#t + 1] = name end
      new_product():name("a"):create()
      return t"""
    with lab.host(isolation="process") as host:
        whole = host.run_source(code, run_id="r")
        assert whole.error is None, whole.error
        lab.break_off(lab.seq("sent", "stripe.products.create"))
        assert host.resume("r").value == whole.value
    assert lab.made() == 1
