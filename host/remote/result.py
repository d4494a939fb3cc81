"""What became of a run that was done elsewhere: its result in the form it comes back in, and errors within it.

Nothing is pickled: of an exception crosses what it says. The output comes by itself, in pieces, where it is followed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from host import errors
from host.errors import CallError, FunctionError, ScriptError
from host.run.result_type import read, written
from host.run.script import RunResult

__all__ = ["CallFailure", "Failure", "RemoteResult", "call_error", "call_failure", "failure", "script_error"]

_CALL_ERRORS: dict[str, type[CallError]] = {
    cls.__name__: cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, CallError)
}
_FIELDS = (*(name for name in CallError.FACTS if name != "hint"), "retry_after", "body", "members")


class CallFailure(msgspec.Struct, frozen=True):
    """A :class:`~host.errors.CallError`: its class, and every attribute that is set."""

    name: str
    message: str
    hint: str | None = None
    fields: dict[str, Any] = {}


class Failure(msgspec.Struct, frozen=True):
    """A :class:`~host.errors.ScriptError`."""

    message: str = ""
    script: str = ""
    line: int | None = None
    traceback: str = ""
    source: str = ""
    kind: str = "error"
    facts: dict[str, Any] | None = None
    hint: str | None = None
    cause: CallFailure | None = None


class RemoteResult(msgspec.Struct, frozen=True):
    """``value`` is what :func:`host.run.result_type.written` makes of the returned values, ``seconds`` how long the run
    took.
    """

    value: bytes = b"\xc0"
    error: Failure | None = None
    exit_status: int | None = None
    calls: int = 0
    seconds: float = 0.0
    simulated: bool = False

    @classmethod
    def of(cls, result: RunResult, value: bytes | None = None) -> RemoteResult:
        """``value`` is there where it was written already."""
        return cls(
            written(result.value, result.rest) if value is None else value,
            None if result.error is None else failure(result.error),
            result.exit_status,
            result.calls,
            result.duration,
            result.simulated,
        )

    def result(self, run_id: str, script: str, output: str) -> RunResult:
        """The result here."""
        value, rest = read(self.value)
        return RunResult(
            run_id,
            script,
            value=value,
            rest=rest,
            output=output,
            calls=self.calls,
            duration=self.seconds,
            error=None if self.error is None else script_error(self.error),
            simulated=self.simulated,
            exit_status=self.exit_status,
        )


def failure(error: ScriptError) -> Failure:
    """A run's error in the form it crosses in."""
    return Failure(
        error.message,
        error.script,
        error.line,
        error.traceback,
        error.source,
        error.kind,
        error.facts,
        error.hint,
        None if error.cause is None else call_failure(error.cause),
    )


def script_error(form: Failure) -> ScriptError:
    """The reverse."""
    return ScriptError(
        form.message,
        script=form.script,
        line=form.line,
        traceback=form.traceback,
        source=form.source,
        kind=form.kind,
        facts=form.facts,
        hint=form.hint,
        cause=None if form.cause is None else call_error(form.cause),
    )


def call_failure(error: BaseException) -> CallFailure:
    """Of any exception; one that is no ``CallError`` crosses as a ``FunctionError`` with its type's name."""
    if not isinstance(error, CallError):
        error = FunctionError(str(error) or type(error).__name__, type=type(error).__name__)
    known = {name: value for name in _FIELDS if (value := getattr(error, name)) not in (None, {})}
    if error.waited or error.held:
        known |= {"waited": error.waited, "held": error.held}
    name = type(error).__name__
    return CallFailure(name if name in _CALL_ERRORS else "CallError", error.message, error.hint, known)


def call_error(form: CallFailure) -> CallError:
    """The error of the other process, as one of this."""
    known = dict(form.fields)
    waited, held = known.pop("waited", 0.0), known.pop("held", 0.0)
    found = _CALL_ERRORS.get(form.name, CallError)(form.message, hint=form.hint, **known)
    found.waited, found.held = waited, held
    return found
