"""What crosses between processes arrives as it was."""

from __future__ import annotations

import pytest

from host.events import CallEnded, CallStarted, Logged, Printed, RunEnded, RunStarted
from host.limits import Limits
from host.policy.permissions import Permissions
from host.processes import messages as m
from host.processes.codec import event_of, happened
from host.processes.job import start_job
from host.remote.job import narrowed, text_in, text_out
from host.remote.result import RemoteResult
from host.run.job import Job
from host.run.options import RunOptions
from host.run.script import RunResult, Script


def across(message: m.Message) -> m.Message:
    return m.from_child(m.to_bytes(message))


@pytest.mark.parametrize(
    "event",
    [
        RunStarted("run_1", 1.5, "a.lua", True),
        Printed("run_1", 1.5, "bytes that are no text: \udcff\n"),
        Logged("run_1", 1.5, "warn", "é", 3),
        CallStarted("run_1", 1.5, 1, "stripe.products.create", 3, {"name": "x", "n": 1}),
        CallEnded("run_1", 1.5, 1, "op", 0.1, "GET", "http://x", 404, "req_1", 2, None, {"kind": "api"}),
        RunEnded("run_1", 1.5, 0.2, 3, "boom"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_events_arrive_as_they_were(event: object) -> None:
    """Each kind of event, byte for byte."""
    form = across(happened(event))
    assert isinstance(form, m.Happened)
    assert event_of(form) == event


def test_a_result_arrives_as_it_was() -> None:
    """A run's result and all its output, which is no UTF-8."""
    given = RunResult("run_1", "a.lua", {"a": [1, b"\xff"]}, "out\udcff", 4, 0.5, None, True, 3)
    form = across(m.JobEnded(9, RemoteResult.of(given), text_out(given.output)))
    assert isinstance(form, m.JobEnded)
    assert form.result.result("run_1", "a.lua", text_in(form.output)) == given


def test_a_job_arrives_as_it_was() -> None:
    """The message that starts a run, with permissions level by level, and arguments that are no UTF-8."""
    host = Permissions(allow_ops=("stripe.products.*",), env=("A*",))
    run = host.narrowed(Permissions(read_only=True))
    given = Job(Script.of("return 1"), ("a", "\udcff"), {"n": 1}, Limits(memory=8 << 20), {"A": "1"}, run)
    form = m.from_parent(m.to_bytes(start_job(7, "run_1", given, 2.5, watched=True)))
    assert isinstance(form, m.StartJob)
    assert (form.id, form.run_id, form.env, form.watched, form.batch) == (7, "run_1", {"A": "1"}, True, False)
    options = form.job.run_options(narrowed(form.job.options))
    assert options == RunOptions(
        args=given.args, globals=given.globals, timeout=2.5, limits=given.limits, permissions=run
    )
    assert options.permissions is not None
    assert options.permissions.within == host


def test_text_with_half_characters_does_not_stop_a_message() -> None:
    """What is neither text nor output (an error's message, say) gets a question mark."""
    found = across(m.Refused("ConfigError", "no \ud800", None))
    assert found == m.Refused("ConfigError", "no ?", None)
