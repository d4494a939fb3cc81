"""A result on its way: what a run gave and what it ended with arrive as they were."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from host.errors import ApiError, CallTimeout, FunctionError, ScriptError
from host.remote.result import RemoteResult, call_error, call_failure, failure, script_error
from host.run.script import RunResult

VALUES: list[tuple[Any, tuple[Any, ...]]] = [
    (None, ()),
    (None, (None, 1)),
    ({"a": [1, 2.5, None, True, b"\xff"], 7: "seven"}, ()),
    (2.0**60, ("x",)),
]


@pytest.mark.parametrize(("value", "rest"), VALUES, ids=str)
def test_what_a_run_gave_arrives(value: Any, rest: tuple[Any, ...]) -> None:
    """Values of all kinds, one or several, with all that is told of the run."""
    given = RunResult("run_1", "a.lua", value, "out", 4, 0.5, None, True, 3, rest=rest)
    form = msgspec.msgpack.decode(msgspec.msgpack.encode(RemoteResult.of(given)), type=RemoteResult)
    assert form.result("run_1", "a.lua", "out") == given


def test_an_error_arrives_with_its_facts_and_its_cause() -> None:
    """What a program asks of an error it can ask on the other side."""
    cause = CallTimeout("late", phase="queue", outcome="not_sent", retryable=True, retry_after=2.0)
    cause.waited = 1.5
    error = ScriptError(
        "boom", script="a.lua", line=3, traceback="t", source="s", kind="timeout",
        facts={"kind": "timeout", "n": [1, {"x": b"\xff"}]}, cause=cause, hint="h",
    )  # fmt: skip
    form = msgspec.msgpack.decode(
        msgspec.msgpack.encode(RemoteResult.of(RunResult("r", "a.lua", error=error))), type=RemoteResult
    )
    found = form.result("r", "a.lua", "").error
    assert found is not None
    names = ("message", "script", "line", "traceback", "source", "kind", "facts", "hint", "exit_code")
    assert {n: getattr(found, n) for n in names} == {n: getattr(error, n) for n in names}
    assert isinstance(found.cause, CallTimeout)
    assert (found.cause.facts(), found.cause.waited) == (cause.facts(), 1.5)


def test_an_error_of_python_arrives_as_its_name_and_message() -> None:
    """Exceptions are never pickled: what crosses is what they say."""
    found = call_error(call_failure(KeyError("x")))
    assert isinstance(found, FunctionError)
    assert (found.type, found.message) == ("KeyError", "'x'")
    assert type(call_error(call_failure(ApiError("no", status=402)))) is ApiError


def test_an_error_without_a_cause_has_none() -> None:
    """Nothing is made up."""
    error = script_error(replace(failure(ScriptError("no", kind="error"))))
    assert (error.cause, error.line, error.facts) == (None, None, {})
