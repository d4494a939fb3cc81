"""``once`` over worker processes: one of all of them does it."""

from __future__ import annotations

import os
import signal

from host import Host
from host.events import Event, Printed

CODE = """
local id, by = once(function() sleep(0.02) return new_product():name("x"):create(), process() end)
return { id, by, process() }
"""
SETUP = "tests.processes.setups:functions"


def test_one_process_does_it_for_all() -> None:
    """Twenty runs in two processes: one id, made by one of them, known in both."""
    with Host(simulate=True, processes=2, setup=SETUP) as host:
        results = list(host.run_many([{"code": CODE}] * 20, concurrency=10))
        values = [result.raise_for_error().value for result in results]
        assert len({value[0] for value in values}) == 1
        assert len({value[1] for value in values}) == 1
        assert len({value[2] for value in values}) == 2
        assert sum(result.calls for result in results) == 1 + 1 + 20


def test_errors_and_cancelling_cross_too() -> None:
    """A failure reaches runs of other processes; one that gives up waiting goes on."""
    with Host(simulate=True, processes=2) as host:
        failed = list(host.run_many([{"code": "once(function() sleep(0.02) error('no', 0) end)"}] * 6))
        kinds = sorted(result.error.kind for result in failed if result.error)
        assert kinds == ["error"] + ["once"] * 5
        code = "return (try(with_timeout, 0.02, function() return once('a', function() sleep(0.3) return 1 end) end))"
        given_up = list(host.run_many([{"code": code}] * 4))
        assert all(result.ok for result in given_up)


def test_a_process_that_dies_while_it_does_it_keeps_nobody_waiting() -> None:
    """Its runs end, and those of the other process are told."""

    class Killer:
        """Kills the process that does it, as soon as it does."""

        def emit(self, event: Event) -> None:
            if isinstance(event, Printed):
                os.kill(int(event.text), signal.SIGKILL)

    code = "return once(function() print(process()) sleep(100) end)"
    with Host(simulate=True, processes=2, setup=SETUP, sinks=[Killer()]) as host:
        results = list(host.run_many([{"code": code}] * 6))
    kinds = sorted(result.error.kind for result in results if result.error)
    assert len(kinds) == 6
    assert set(kinds) == {"host", "once"}
