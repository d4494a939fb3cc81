"""Sinks of one run, beside the host's, and the id of a run known before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from host import Host, UsageError
from host.events import CallEnded, Event, Logged, Printed, RunEnded, RunStarted

HOSTS: dict[str, dict[str, Any]] = {"here": {}, "isolated": {"isolation": "process"}, "processes": {"processes": 2}}
CODE = "print('x') new_product():name('x'):create()"


def kinds(events: Sequence[Event]) -> list[type[Event]]:
    return [type(each) for each in events if isinstance(each, RunStarted | Printed | CallEnded | RunEnded)]


ALL = [RunStarted, Printed, CallEnded, RunEnded]


@pytest.mark.parametrize("kind", HOSTS)
@pytest.mark.parametrize("watched", [False, True])
def test_a_run_has_sinks_of_its_own(kind: str, watched: bool) -> None:
    """They get all of its events and no other run's, whether the host has sinks or not, wherever it runs."""
    every: list[Event] = []
    own: list[Event] = []
    with Host(simulate=True, sinks=[every.append] if watched else [], **HOSTS[kind]) as host:
        result = host.run_source(CODE, sinks=[own.append])
        host.run_source(CODE).raise_for_error()
    assert kinds(own) == ALL
    assert {each.run_id for each in own} == {result.run_id}
    assert kinds(every) == (ALL * 2 if watched else [])


def test_each_job_of_many_may_have_its_own() -> None:
    """As a run has."""
    seen: dict[str, list[Event]] = {name: [] for name in "abc"}
    with Host(simulate=True) as host:
        jobs = [
            {"code": CODE, "sinks": [events.append], "run_id": name, "durable": False} for name, events in seen.items()
        ]
        results = list(host.run_many(jobs))
    assert {result.run_id for result in results} == set(seen)
    for name, events in seen.items():
        assert kinds(events) == ALL
        assert {each.run_id for each in events} == {name}


async def test_a_run_may_be_named_without_being_recorded(tmp_path: Path) -> None:
    """run_id with durable=False is just the id; without it the run is recorded, as it was."""
    journal = tmp_path / "journal"
    with Host(simulate=True, journal=str(journal)) as host:
        assert (await host.run_source_async("return 1", run_id="mine", durable=False)).run_id == "mine"
        assert (await host.run_source_async("return 2", run_id="mine", durable=False)).value == 2
        assert not journal.exists()
        with pytest.raises(UsageError, match="run_id: a run's id is"):
            await host.run_source_async("", run_id="a b", durable=False)
        for wrong in ({"force_new": True}, {"force_new": True, "run_id": "x", "durable": False}):
            with pytest.raises(UsageError, match="force_new starts a recorded run over: name it with run_id"):
                await host.run_source_async("", **wrong)


def test_the_sinks_of_a_resumed_run_hear_that_it_is_done(tmp_path: Path) -> None:
    """What the host says of a durable run is said to its own sinks too."""
    own: list[Event] = []
    with Host(simulate=True, journal=str(tmp_path / "journal")) as host:
        host.run_source("return 1", run_id="r")
        host.run_source("return 1", run_id="r", sinks=[own.append])
    assert [type(each) for each in own] == [Logged]
