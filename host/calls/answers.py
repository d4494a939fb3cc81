"""What a call's reply means: a value or a complete error, and whether its change is still in doubt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from host.apis.answers import created, interpret, request_id
from host.apis.api import Api
from host.bridge.request import Reply
from host.calls.call import DOWNLOAD, Call
from host.calls.keys_in_doubt import Doubt, Doubts, Key
from host.errors import CallError
from host.http.message import Request, Response, origin_of
from host.http.outcome import IDEMPOTENT, settles
from host.libraries.library import Libraries
from host.policy.quota import Reservation, keeps
from host.policy.redaction import Redactor

__all__ = ["Answers"]


class Answers:
    """Interprets the replies to the calls of all runs. Thread-safe."""

    def __init__(self, apis: Mapping[str, Api], libraries: Libraries, redactor: Redactor) -> None:
        self._apis = apis
        self._libraries = libraries
        self._redactor = redactor
        self._doubts = Doubts()

    def value(self, call: Call) -> Any:
        """The decoded answer to a call. Raises its ``CallError``, completed with what is known here."""
        doubt = self._doubts.find(self.key(call)) if self._doubts.by_key else None
        try:
            value = self._value(call, doubt)
        except CallError as error:
            self._noted(call, error.outcome)
            raise
        if doubt is not None or call.web_key is not None:
            return self._cleared(call, doubt, value)
        return value

    def _value(self, call: Call, doubt: Doubt | None) -> Any:
        reply = call.reply
        assert reply is not None
        if reply.error is not None:
            if doubt is not None and reply.error.outcome == "not_sent":
                reply.error.outcome = "unknown"  # this one was not, but one before it may have been
            raise self._completed(reply.error, call)
        if call.api is None or call.operation is None:
            return reply.value
        answer: Response = reply.value
        if call.function == DOWNLOAD and (file := self._file(call, answer)) is not None:
            return file
        body = self._redactor.body(answer.body)
        if body is not answer.body or doubt is not None:  # the API echoed a secret
            answer = msgspec.structs.replace(answer, body=body, in_doubt=answer.in_doubt or doubt is not None)
        try:
            return interpret(call.api.catalog, call.operation, answer)
        except CallError as error:
            if error.attempts is None:
                error.attempts = reply.value.attempts
            raise self._completed(error, call) from None

    @staticmethod
    def _file(call: Call, answer: Response) -> dict[str, Any] | None:
        """The value a script gets for an answer that went to a file."""
        if call.request is None or not 200 <= answer.status < 300 or answer.status == 204:
            return None
        file: Any = call.request.sink
        return {**file.facts, "content_type": answer.headers.get("content-type")}

    # -- changes in doubt

    def key(self, call: Call) -> Key | None:
        """The origin that a call's change goes to and its idempotency key; ``None`` if it has no key."""
        request = call.request
        if request is None:
            return call.web_key
        if request.idempotency_key is None or not request.mutation:
            return None
        return origin_of(request.url), request.idempotency_key

    def recall(self, call: Call, reply: Reply | None) -> None:
        """Take note of what an earlier process of a durable run recorded of a call: its answer, or only that it was
        sent (``None``)."""
        key = self.key(call)
        if key is None:
            return
        if reply is None:
            reservations, call.reservations = call.reservations, ()  # they are the first request's
            self._doubts.note(key, _digest(call.request), reservations)
        elif reply.error is None:
            self._doubts.settle(key, reply)
        else:
            self._noted(call, reply.error.outcome, reply)

    def _noted(self, call: Call, outcome: str | None, reply: Reply | None = None) -> None:
        """Note that the script gets an error: from now on its key is in doubt, or no longer is."""
        key = self.key(call)
        reply = reply or call.reply
        if key is None or reply is None:
            return
        if outcome == "unknown":
            self._doubts.note(key, _digest(call.request), call.reservations if keeps(reply) else ())
        elif outcome == "rejected":
            self._doubts.settle(key, _REJECTED)

    def _cleared(self, call: Call, doubt: Doubt | None, value: Any) -> Any:
        """The value of a call whose key was or now is in doubt; http.* return unsuccessful answers as values too."""
        key, reply = self.key(call), call.reply
        outcome = value.get("outcome") if call.web_key is not None and type(value) is dict else None
        if key is None or reply is None:
            return value
        if outcome == "rejected" and doubt is not None and not settles(_web_answer(value)):
            outcome = "unknown"
            value = {**value, "outcome": outcome}
        if outcome == "unknown":
            self._doubts.note(key, None, ())
        else:
            self._doubts.settle(key, _REJECTED if outcome == "rejected" else reply)
        return value

    def counted(self, call: Call) -> tuple[Reservation, ...]:
        """What the same request took from budgets when it was first sent, if its outcome is in doubt."""
        doubt = self._doubts.find(self.key(call)) if self._doubts.by_key else None
        return doubt.reservations if doubt is not None and doubt.digest == _digest(call.request) else ()

    def created(self, call: Call) -> tuple[str | int, bytes] | None:
        """Id and JSON of the object that a call has created, or ``None``, where :meth:`value` has what came."""
        reply, api, operation = call.reply, call.api, call.operation
        if reply is None or reply.error is not None or api is None or operation is None:
            return None
        if self._doubts.by_key and self._doubts.find(self.key(call)) is not None:
            return None
        answer: Response = reply.value
        try:
            text = answer.body.decode()
        except UnicodeDecodeError:
            return None
        if self._redactor(text) is not text:  # the API echoed a secret
            return None
        id = created(api.catalog, operation, answer, text)
        return (id, answer.body) if id else None

    def _completed(self, error: CallError, call: Call) -> CallError:
        error.operation = call.name
        request = call.request
        if request is not None and request.mutation and error.idempotency_key is None:
            error.idempotency_key = request.idempotency_key
        if error.retryable and error.outcome == "unknown" and not call.again:
            self._advise(error, call)
        return error

    def _advise(self, error: CallError, call: Call) -> None:
        """Advise on the key: without it, a repetition by the script might make the change twice."""
        if call.request is not None and call.request.method in IDEMPOTENT:
            return
        if call.api is None and self._libraries.has(call.name):
            function = self._libraries.find(call.name)
            if function is not None and function.repeatable is not None and function.repeatable(call.payload):
                return
        error.retryable = False
        if error.idempotency_key is not None and error.hint is None:
            error.hint = (
                "It may have been done. To repeat it without doing it twice, pass the same key as a request option: "
                "{idempotency_key = err.idempotency_key}."
            )

    def refused(self, error: CallError, call: Call) -> CallError:
        """An error raised before anything was sent, completed with what is known here."""
        error.operation = call.name
        if error.outcome is None:
            name, _, rest = call.name.partition(".")
            api = self._apis.get(name)
            operation = api.catalog.operation(rest) if api is not None else None
            if operation is not None and operation.mutation:
                error.outcome = "not_sent"
        key = self.key(call) if self._doubts.by_key else None
        if key is not None and error.outcome == "not_sent" and self._doubts.find(key) is not None:
            error.outcome, error.idempotency_key = "unknown", key[1]
        return error

    def facts(self, call: Call) -> dict[str, Any]:
        """Method, URL, status, request id, attempts and waiting of an answered call, for its event."""
        request, reply = call.request, call.reply
        if request is None:
            return {}
        found: dict[str, Any] = {"method": request.method, "url": request.url}
        if reply is not None and isinstance(reply.value, Response):
            answer = reply.value
            found.update(status=answer.status, attempts=answer.attempts)
            id = request_id(answer)
            found["request_id"] = None if id is None else self._redactor(id)  # a server may answer with what it got
            found["waited"] = answer.waited + answer.held
        elif reply is not None and reply.error is not None:
            error = reply.error
            found.update(status=error.status, attempts=error.attempts or 1, waited=error.waited + error.held)
        return found


def _web_answer(value: dict[str, Any]) -> Response:
    """The response behind the value of an http.* call."""
    return Response(value["status"], value["headers"], value["body"])


_REJECTED = Reply(error=CallError("rejected", outcome="rejected"))


def _digest(request: Request | None) -> int | None:
    """A digest by which a request is recognised when it is sent again."""
    return None if request is None else hash((request.url, request.headers, request.content))
