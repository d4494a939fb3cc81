"""What crosses between processes arrives as it was."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from host.errors import ApiError, CallTimeout, FunctionError, ScriptError
from host.events import CallEnded, CallStarted, Logged, Printed, RunEnded, RunStarted
from host.lua.values import SecretText
from host.policy.permissions import Permissions
from host.processes import messages as m
from host.processes.codec import call_error, call_failure, ended, event_of, happened, run_result
from host.processes.job import grant_of, permissions_of
from host.run.script import RunResult


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
    """Value, output that is no UTF-8, error with its facts and cause."""
    cause = CallTimeout("late", phase="queue", outcome="not_sent", retryable=True, retry_after=2.0)
    cause.waited = 1.5
    error = ScriptError(
        "boom", script="a.lua", line=3, traceback="t", source="s", kind="timeout",
        facts={"kind": "timeout", "n": [1, {"x": b"\xff"}]}, cause=cause, hint="h",
    )  # fmt: skip
    value = {"a": [1, 2.5, None, True, b"\xff", SecretText(("x", "key", ""))], 7: "seven"}
    given = RunResult("run_1", "a.lua", value, "out\udcff", 4, 0.5, error, True, 3)
    form = across(ended(9, given))
    assert isinstance(form, m.JobEnded)
    found = run_result(form, "run_1", "a.lua", True)
    assert found.error is not None
    assert replace(found, error=None) == replace(given, error=None)
    names = ("message", "script", "line", "traceback", "source", "kind", "facts", "hint", "exit_code")
    assert {n: getattr(found.error, n) for n in names} == {n: getattr(error, n) for n in names}
    assert isinstance(found.error.cause, CallTimeout)
    assert (found.error.cause.facts(), found.error.cause.waited) == (cause.facts(), 1.5)


def test_an_error_of_python_arrives_as_its_name_and_message() -> None:
    """Exceptions are never pickled: what crosses is what they say."""
    found = call_error(call_failure(KeyError("x")))
    assert isinstance(found, FunctionError)
    assert (found.type, found.message) == ("KeyError", "'x'")
    assert type(call_error(call_failure(ApiError("no", status=402)))) is ApiError


def test_text_with_half_characters_does_not_stop_a_message() -> None:
    """What is neither text nor output (an error's message, say) gets a question mark."""
    found = across(m.Refused("ConfigError", "no \ud800", None))
    assert found == m.Refused("ConfigError", "no ?", None)


def test_permissions_arrive_level_by_level() -> None:
    """A run's narrower permissions stay within the host's, in the other process too."""
    host = Permissions(allow_ops=("stripe.products.*",), env=("A*",))
    run = host.narrowed(Permissions(read_only=True))
    found, env = permissions_of(grant_of(run, {"A": "1"}))
    assert found == run
    assert found.within == host
    assert env == {"A": "1"}
