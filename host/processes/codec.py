"""Results, errors, events and APIs in the form they cross in, and back."""

from __future__ import annotations

from typing import Any

import msgspec

from host import errors, events
from host.apis.api import Api, OAuth2
from host.apis.catalog import Catalog
from host.errors import CallError, FunctionError, ScriptError
from host.processes.messages import CallFailure, Client, Failure, Happened, JobEnded, Offered, plain
from host.run.script import RunResult
from host.settings import Secret

_CALL_ERRORS: dict[str, type[CallError]] = {
    cls.__name__: cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, CallError)
}
_FIELDS = (*(name for name in CallError.FACTS if name != "hint"), "retry_after", "body", "members")
_EVENTS: dict[str, type[events.Event]] = {
    cls.__name__: cls for cls in vars(events).values() if isinstance(cls, type) and issubclass(cls, events.Event)
}


def text_out(text: str) -> bytes:
    """Text that may hold the lone surrogates of bytes that are no UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def text_in(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


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


def offered(api: Api) -> Offered:
    """The message that scripts have an API."""
    keys = {scheme: _key_out(key) for scheme, key in api.keys.items()}
    return Offered(api.catalog.dump(), api.base_url, None if api.key is None else api.key.reveal(), keys)


def api_of(form: Offered) -> Api:
    """The reverse of :func:`offered`."""
    key = None if form.key is None else Secret(form.key)
    return Api(
        Catalog.load(form.catalog), form.base_url, key, keys={name: _key_in(key) for name, key in form.keys.items()}
    )


def _key_out(key: Secret | OAuth2) -> str | Client:
    if isinstance(key, Secret):
        return key.reveal()
    return Client(key.client_id, key.client_secret.reveal(), key.token_url, key.scopes, key.in_body)


def _key_in(key: str | Client) -> Secret | OAuth2:
    if isinstance(key, str):
        return Secret(key)
    return OAuth2(key.client_id, Secret(key.client_secret), key.token_url, key.scopes, key.in_body)


def ended(id: int, result: RunResult) -> JobEnded:
    """The message that a run has ended."""
    error = result.error
    failure = None
    if error is not None:
        failure = Failure(
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
    output = text_out(result.output)
    return JobEnded(
        id, plain(result.value), plain(list(result.rest)), output, result.calls, result.duration,
        result.exit_status, failure,
    )  # fmt: skip


def run_result(form: JobEnded, run_id: str, script: str, simulated: bool) -> RunResult:
    """The result of a run in another process."""
    error = None
    if form.error is not None:
        known = form.error
        error = ScriptError(
            known.message,
            script=known.script,
            line=known.line,
            traceback=known.traceback,
            source=known.source,
            kind=known.kind,
            facts=known.facts,
            hint=known.hint,
            cause=None if known.cause is None else call_error(known.cause),
        )
    return RunResult(
        run_id=run_id,
        script=script,
        value=form.value,
        rest=tuple(form.rest),
        output=text_in(form.output),
        calls=form.calls,
        duration=form.duration,
        error=error,
        simulated=simulated,
        exit_status=form.exit_status,
    )


def happened(event: events.Event) -> Happened:
    """The message that something happened in a run."""
    values: list[Any] = [plain(each) for each in msgspec.structs.astuple(event)]
    if isinstance(event, events.Printed):
        values[-1] = text_out(event.text)
    return Happened(type(event).__name__, values)


def event_of(form: Happened) -> events.Event:
    """The event of another process."""
    cls = _EVENTS[form.event]
    values = list(form.fields)
    if cls is events.Printed:
        values[-1] = text_in(values[-1])
    return cls(*values)
