"""The calls of one run: started for the Lua side, and their answers given to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from host.apis.answers import LONGEST_BODY
from host.apis.list_items import page_words
from host.calls.api_names import REQUEST
from host.calls.call import Call, wrapped
from host.decoding import LARGE
from host.errors import CallError, CancelledCall, InvalidCall, LimitError
from host.events import CallEnded, CallStarted, Waiting, want_detail
from host.http.message import Response
from host.limits import MB, Limits
from host.lua import protocol as p
from host.lua.values import encode_plain, from_lua, result_to_lua, to_lua
from host.run.bytes_in_flight import LIGHT, Weight, check_values
from host.run.job import RunServices
from host.run.once import OnceResults
from host.run.once_call import OnceCall, once_payload
from host.run.shortening import brief, cut

if TYPE_CHECKING:
    from host.run.recording import Recording
    from host.run.session import Session

__all__ = ["RunCalls"]


class RunCalls:
    """``open`` are calls and timers without an answer yet, ``count`` how many calls were made, ``causes`` errors with a
    Python exception behind them, by message.
    """

    __slots__ = (
        "_detailed",
        "_durable",
        "_limits",
        "_pipeline",
        "_results",
        "_services",
        "_session",
        "_weight",
        "causes",
        "count",
        "open",
    )

    def __init__(self, session: Session, services: RunServices, limits: Limits, durable: Recording | None) -> None:
        self._session = session
        self._services = services
        self._pipeline = services.pipeline
        self._limits = limits
        self._durable = durable
        self._detailed = bool(services.sinks) and want_detail(services.sinks)
        self._results: OnceResults | None = None  # of a run of no batch, with its first ``once``
        self._weight: Weight | None = None  # with the first call whose arguments are worth counting
        self.open: dict[int, Any] = {}
        self.count = 0
        self.causes: dict[str, CallError] = {}

    def close(self) -> None:
        """Give up what is open: the run has ended."""
        for entry in list(self.open.values()):
            if isinstance(entry, Call):
                self._pipeline.cancel(entry)
            else:
                entry.cancel()
        self.open.clear()
        self._pipeline.ended(self._session)

    def forget_session(self) -> None:
        """No more calls come. Without this reference the session is freed at once, not by the garbage collector."""
        del self._session

    def announce(self, call: Call, arguments: Any) -> None:
        """Report to the sinks that a call begins."""
        text = self._services.redactor.value(_shown(arguments))
        task = call.task.decode()
        self._session.emit(CallStarted(self._session.run_id, time.time(), call.id, call.name, call.line, text, task))

    def drop(self, id: int) -> None:
        """The arguments of a call are no longer in memory."""
        if self._weight is not None:
            self._weight.drop(id)

    def reply(self, item: Any) -> tuple[int, int, bytes | None, Any]:
        """(id, status, a, b) for enter()."""
        if type(item) is tuple:  # a timer's
            id, error = item
            open_ = self.open.pop(id, None)
            facts = None if error is None else self.facts(error)
            status = p.VALUE if error is None else p.ERROR
            if self._durable is not None and open_ is not None:
                self._durable.answered(self._session, id, status, facts, None, None)
            return id, status, facts, None
        call: Call = item
        if self.open.pop(call.id, None) is None:
            return call.id, p.VALUE, None, None
        if self._weight is not None and not _goes_on(call):
            self._weight.drop(call.id)
        # An answer recalled from the journal is as the script got it; all others are a call's.
        status, a, b = self.answer(call) if type(call) is Call else (item.status, item.a, item.b)
        if self._durable is not None:
            self._durable.answered(self._session, call.id, status, a, b, call)
        return call.id, status, a, b

    def answer(self, call: Call) -> tuple[int, bytes | None, Any]:
        """What an answered call gives the script: (status, a, b) of ``enter``. The sinks get its event."""
        error: CallError | None = None
        result: str | None = None
        try:
            identity: str | int | None
            if call.kind == p.CREATE and self._durable is None:  # few scripts look at more than the id
                created = self._pipeline.answers.created(call)
                if created is not None:
                    identity, answer = created
                    if self._services.sinks:
                        result = str(identity)
                    return p.CREATED, _identity(identity), answer
            answered = call.reply.value if call.reply is not None else None
            if type(answered) is Response and len(answered.body) > LARGE:
                self._services.runners.make_way()  # others need not wait until it is decoded
            value = self._pipeline.answers.value(call)
            if call.kind == p.CREATE:
                identity = value.get(call.api.catalog.id_field) if type(value) is dict and call.api else None
                result = str(identity) if identity is not None else None
                return p.VALUE, _identity(identity), encode_plain(value)
            packed = _PACKED.get(call.kind)
            if packed is not None:
                return p.VALUE, packed(call.name, value), None
            if type(value) is dict and type(value.get("id")) is str:
                result = value["id"]
            listed = call.pages or (call.operation is not None and call.operation.paging)
            pages = _pages(call) if listed else None
            return p.VALUE, None if value is None else encode_plain(value), pages
        except CallError as failure:
            error = failure
            return p.ERROR, self._failed(failure), None
        finally:
            if self._services.sinks and call.kind != p.ONCE:  # it goes nowhere
                self._report(call, error, result)

    def _failed(self, failure: CallError) -> bytes:
        """What a script gets for a failed call; the Python exception behind it is kept for the run's result."""
        facts = self.facts(failure)
        if failure.__cause__ is not None:
            text = cut(failure.message)  # as the error of the run will have it
            if text != failure.message:
                failure.message, failure.args = text, (text,)
            self.causes[self._services.redactor(text)] = failure
        return facts

    def _report(self, call: Call, error: CallError | None, result: str | None) -> None:
        facts = self._pipeline.answers.facts(call)
        if self._detailed:
            from host.run.call_detail import detail_of, web_facts  # for traces

            facts = facts or web_facts(call, self._services.redactor)
            facts["detail"] = detail_of(call, self._services.redactor)
        url = self._services.redactor(facts.pop("url", ""))
        self._session.emit(
            CallEnded(
                self._session.run_id,
                time.time(),
                call.id,
                call.name,
                monotonic() - call.started if call.started else 0.0,
                url=url,
                result=result,
                error=None if error is None else self.masked(error.brief()),
                **facts,
            )
        )

    def facts(self, error: CallError) -> bytes:
        """An error as the Lua side takes it, secrets masked, cut where it would not fit."""
        if error.body is None and not error.members:
            return to_lua(self.masked(error.own_facts()))
        # A byte of it can be 72 in Lua, and an error that does not fit would lose its outcome.
        room = max(MB >> 6, self._limits.memory >> 8)
        with suppress(InvalidCall):  # nested too deep
            facts = to_lua(self.masked(error.facts()))
            if len(facts) <= room:
                return facts
        return to_lua(self.masked(error.cut(min(LONGEST_BODY, room >> 2))))

    def masked(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Facts of an error with all secrets masked."""
        masked: dict[str, Any] = self._services.redactor.value(facts)
        return masked

    def begin(
        self,
        id: int,
        kind: int,
        target: bytes,
        payload: bytes | None,
        options: bytes | None = None,
        path: bytes = b"",
        n: int = 0,
        line: int | None = None,
    ) -> Any:
        """Start what the script asks for; returns the answer if there is one at once.

        ``path`` of the script's task, ``n`` of the call in it and its ``line`` come from traced and durable runs only.
        """
        durable = self._durable
        if kind == p.SLEEP:
            if self._services.sinks and not self._session.replaying:
                self._say_timer(id, float(target), path)
            if durable is None:
                self._sleep(id, float(target))
            else:
                self.open[id] = durable.sleep(self._session, id, float(target), path, n)
            return None
        self.count += 1
        call = Call(target.decode(), source=self._session, id=id, kind=kind, line=line)
        if self._services.sinks and kind != p.ONCE:
            call.reported, call.task = not self._session.replaying, path
        try:
            arguments, chosen = self._arguments(call, payload, options)
            if durable is not None:
                refusal = durable.call(self._session, call, arguments, chosen, path, n)
                if refusal is not None:
                    return p.ERROR, refusal
            self.open[id] = call
            begin = _BEGIN.get(kind)
            if begin is None:
                raise InvalidCall(f"there is no kind of call {kind}")
            return begin(self, call, arguments, chosen)
        except Exception as failure:
            return self._refused(call, wrapped(failure, "host"))

    def _arguments(self, call: Call, payload: bytes | None, options: bytes | None) -> tuple[Any, Any]:
        """The call's arguments and options, decoded and weighed; its event goes to the sinks. Raises ``CallError``."""
        if self.count > self._limits.calls:
            self.count -= 1
            over = LimitError(f"the run has made its {self._limits.calls:,} calls", operation=call.name)
            over.fatal = True
            raise over
        kind = call.kind
        size = (0 if payload is None else len(payload)) + (0 if options is None else len(options))
        heavy = size > LIGHT
        if heavy:
            if self._weight is None:
                self._weight = Weight(self._limits.memory)
            self._weight.add(call.id, size)
        arguments: Any = None if payload is None else from_lua(payload, self._limits.memory)
        if call.name.endswith(REQUEST):
            self._pipeline.resolve(call, arguments[0] if kind == p.PAGE else arguments)
        if heavy and kind <= p.CREATE:
            check_values(arguments)
        if call.reported and kind != p.PAGE:  # whether there is a page to ask for shows later
            self.announce(call, brief(arguments) if heavy else arguments)
        return arguments, from_lua(options, self._limits.memory) if options is not None else None

    def _create(self, call: Call, arguments: Any, chosen: Any) -> None:
        self._pipeline.create(self._session, call, arguments, chosen)

    def _operate(self, call: Call, arguments: Any, _: Any) -> None:
        self._pipeline.operate(self._session, call, arguments)

    def _function(self, call: Call, arguments: Any, _: Any) -> Any:
        if not self._pipeline.function(self._session, call, arguments):
            return None
        self.open.pop(call.id, None)  # it has its answer already
        if self._durable is not None:
            self._durable.opened(call)
        return self.answer(call)

    def _next(self, call: Call, arguments: Any, _: Any) -> None:
        self._pipeline.next(self._session, call, arguments)

    def _page(self, call: Call, arguments: Any, _: Any) -> Any:
        from host.calls.pages import send_for_page  # many scripts read no lists

        if send_for_page(self._pipeline, self._session, call, *arguments):
            if call.reported:
                self.announce(call, arguments[0])
            return None
        self.open.pop(call.id, None)  # that was the last one: nothing is asked
        self.count -= 1
        if self._durable is not None:
            self._durable.refused(call.id)
        return p.VALUE, None

    def _once(self, call: Call, arguments: Any, _: Any) -> None:
        self.count -= 1  # nothing is sent anywhere
        answers = self._session.job.once
        if answers is None:  # this run alone
            if self._results is None:
                self._results = OnceResults(alone=True)
            answers = self._results
        call.payload = once_payload(answers, self._session.run_id, *arguments)
        self._pipeline.hand_over(call, OnceCall(answers, self._session.run_id))

    def _refused(self, call: Call, error: CallError) -> tuple[int, bytes]:
        """A call was refused before anything was sent: what the script gets."""
        self.open.pop(call.id, None)
        self._pipeline.answers.refused(error, call)
        facts = self.facts(error)
        if self._durable is not None:
            self._durable.refused(call.id, self._session, facts if isinstance(error, LimitError) else None)
        if call.reported:
            self._report(call, error, None)
        return p.ERROR, facts

    def _sleep(self, id: int, seconds: float) -> None:
        session = self._session  # which may have ended by the time it rings

        def rung(reply: Any) -> None:
            session.services.runners.post(session, (id, reply.error))

        self.open[id] = self._services.worker.call_later(seconds, rung)

    def _say_timer(self, id: int, seconds: float, path: bytes = b"") -> None:
        session = self._session
        session.emit(Waiting(session.run_id, time.time(), id, "timer", seconds, path.decode()))

    def cancel(self, id: int) -> None:
        """Give up what the script waits for under this id."""
        entry = self.open.get(id)
        if self._services.sinks and entry is not None and not isinstance(entry, Call):
            self._say_timer(id, 0.0)
        if self._durable is not None and self._durable.cancel(self._session, id):
            return
        if isinstance(entry, Call):
            self._pipeline.cancel(entry)
        elif entry is not None:
            entry.cancel()
            error = CancelledCall("the task was cancelled")
            self._services.runners.post(self._session, (id, error))


# By the kind of call: sends it, and gives None while it waits for its answer.
_BEGIN: dict[int, Callable[[RunCalls, Call, Any, Any], Any]] = {
    p.OPERATION: RunCalls._operate,
    p.CREATE: RunCalls._create,
    p.PAGE: RunCalls._page,
    p.FUNCTION: RunCalls._function,
    p.NEXT: RunCalls._next,
    p.ONCE: RunCalls._once,
}


# By the kind of call: what its answer is in Lua, where it is none of an API's.
_PACKED: dict[int, Callable[[str, Any], bytes | None]] = {
    p.FUNCTION: result_to_lua,
    p.NEXT: result_to_lua,
    p.ONCE: lambda _, results: results,
}


def _pages(call: Call) -> bytes | None:
    """What Lua gets about a list with its page: where that is; with a first page also how the list goes on."""
    from host.calls.pages import place_of  # many scripts read no lists

    place = place_of(call)
    if call.kind == p.PAGE or call.api is None or call.operation is None:
        return None if place is None else encode_plain(place)
    if place is None and call.pages is None:
        return None
    words = call.pages.decode() if call.pages else page_words(call.api.catalog, call.operation)
    return encode_plain([words, None if place is None else place[1]])


def _goes_on(call: Any) -> bool:
    """Whether an answered call was given up while its change was being made; its end is reported later."""
    reply = call.reply if type(call) is Call else None
    error = None if reply is None else reply.error
    return type(error) is CancelledCall and error.outcome == "unknown"


def _identity(id: str | int | None) -> bytes | None:
    if id is None:
        return None
    return id.encode() if isinstance(id, str) else b"\0%d" % id  # a number stays one


def _shown(arguments: Any) -> dict[str, Any]:
    if isinstance(arguments, dict):
        return arguments
    if isinstance(arguments, list):
        return {str(i): item for i, item in enumerate(arguments, 1)}
    return {}
