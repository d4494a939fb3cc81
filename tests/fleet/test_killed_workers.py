"""A worker that is killed in any phase of a run leaves it so that another does the rest, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from host import Host
from tests.fleet.machines import FIVE, KEY, Ledger, Process, five, rows, until

Api = tuple[Ledger, str]
Start = Callable[..., Process]

# A worker whose process kills itself before or after a function is called in a run.
SETUP = """
import os, signal
from host.durable.sqlalchemy_database import Engine
from host.durable.runs import DurableRuns
from host.fleet import claims
from host.fleet.attendance import Attendance

def dying(owner, name, is_it=lambda *args: True, before=False):
    known = getattr(owner, name)
    def patched(*args, **options):
        mine = is_it(*args)
        if mine and before:
            os.kill(os.getpid(), signal.SIGKILL)
        found = known(*args, **options)
        if mine and found is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    setattr(owner, name, patched)

def writes(*parts):
    return lambda database, statements: any(
        part in sql + repr(values) for sql, values in statements for part in parts)

def claimed(host):
    dying(claims, "claim")

def prepared(host):
    dying(DurableRuns, "carry")

def begun(host):
    dying(Engine, "write", writes("INTO luahost_run"))

def intent_recorded(host):
    dying(Engine, "write", writes("'kind': 'sent'"))

def answer_not_recorded(host):
    dying(Engine, "write", writes("'kind': 'answer'"), before=True)

def answer_recorded(host):
    dying(Engine, "write", writes("'kind': 'answer'"))

def outcome_not_recorded(host):
    dying(Engine, "write", writes("UPDATE luahost_job SET status = :status"), before=True)

def outcome_recorded(host):
    dying(Engine, "write", writes("UPDATE luahost_job SET status = :status"))
"""
PHASES = [line.split("(")[0].removeprefix("def ") for line in SETUP.splitlines() if line.endswith("(host):")]


@pytest.mark.parametrize("phase", PHASES)
def test_a_run_whose_worker_is_killed_in_a_phase_is_done_once(
    url: str, api: Api, worker: Start, tmp_path: Path, phase: str
) -> None:
    """kill -9 between any two steps: five objects, one outcome, no job left in the queue."""
    (tmp_path / "dying.py").write_text(SETUP)
    with Host(database=url, stripe_secret_key=KEY, stripe_api_base=api[1], run_lease=2) as host:
        handle = host.submit(FIVE, args=["a"])
        first = worker(more=("--setup", f"dying:{phase}"))
        assert first.process.wait(40) == -9, first.log.read_text()
        worker()
        result = handle.result(40)
    assert (result.value, result.error, result.output) == ("a", None, "made a\n")
    assert api[0].products() == five("a")
    until(lambda: rows(url, "SELECT count(*) FROM procrastinate_jobs") == [(0,)], "an empty queue")
    attempts = 1 if phase == "outcome_recorded" else 2
    assert rows(url, "SELECT status, attempts FROM luahost_job") == [("done", attempts)]
    assert rows(url, "SELECT status, owner FROM luahost_run") == [("done", None)]
