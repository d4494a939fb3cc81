"""The calls of a run that is being planned: changes are recorded and answered here, reads are sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec

from host.apis.api import Api
from host.apis.catalog import Operation
from host.apis.json_values import decode_json
from host.bridge.request import AsyncRequest, Reply
from host.calls.call import Call
from host.errors import DeniedError, FunctionError, InvalidCall, LimitError
from host.functions.invocation import Invocation
from host.functions.iterators import IteratorStep
from host.http.message import Request, Response
from host.libraries.library import LibraryCall
from host.plan.described import Openings, described, is_change, operation_name
from host.plan.made_up import MadeUp
from host.plan.made_up_results import MadeUpResults
from host.plan.plan import PlannedChange, Unforeseen
from host.plan.planned_values import PlannedNames, holds_planned, planned_members
from host.policy.charges import Cost, Money, cost, counted_ids
from host.policy.quota import Reservation, settle

if TYPE_CHECKING:
    from host.run.session import Session

__all__ = ["HeldCalls", "PlannedState"]


class PlannedState:
    """What the runs of one plan share: made-up objects and results, and which libraries changed something.

    ``reservations`` are those that the changes took from budgets: they are given back once the whole plan is made.
    """

    def __init__(self) -> None:
        names = PlannedNames()
        self.made_up = MadeUp(names)
        self.results = MadeUpResults(names)
        self.counted: dict[str, Money] = {}
        self.given: dict[str, set[str]] = {}  # names of members that the script set, by the object
        self.libraries: set[str] = set()  # libraries that would have changed something
        self.reservations: list[Reservation] = []


class HeldCalls:
    """The calls of one run. ``submit`` sends a read; ``state`` is shared with the other runs of the plan.

    ``members`` maps the members of made-up objects that the script did not set to the id of the object; ``used`` has
    those of them whose value does not show that it is made up.
    """

    def __init__(self, submit: Callable[[Call], None], state: PlannedState | None = None) -> None:
        self._submit = submit
        self._lock = threading.RLock()  # a change whose object is read first is answered on the loop's thread
        self._state = state or PlannedState()
        self._order: list[PlannedChange | None] = []  # None: the change is not answered yet
        self.openings = Openings()
        self.members: dict[str, str] = {}
        self.used: dict[str, str] = {}
        self.reads = 0
        self.unforeseen: list[Unforeseen] = []

    @property
    def changes(self) -> tuple[PlannedChange, ...]:
        """The changes, in the order in which the script made them."""
        return tuple(change for change in self._order if change is not None)

    def take(self, session: Session, call: Call, arguments: Any, options: Any, task: str) -> None:
        """Answer a change with a made-up result, or send a read. Called on the session's thread."""
        find = session.services.pipeline.functions.get
        with self._lock:
            if not is_change(call, find):
                self._read(session, call)
                return
            first = self.openings.is_first(call, arguments)
            asked = self.openings.of(call, arguments)
            parameters, chosen = described(call, asked, options, session.services.redactor.value)
            change = PlannedChange(
                operation=operation_name(call),
                place=_place(session, call),
                task=task,
                parameters=parameters,
                options=chosen,
                digest=PlannedChange.digest_of(operation_name(call), parameters, chosen),
            )
            if not first:
                call.deliver(Reply(None))
                return
            place = len(self._order)
            self._order.append(None)
            request = call.request
            if request is None or call.api is None or call.operation is None:
                try:
                    result = self._result(session, call)
                except FunctionError as error:
                    call.deliver(Reply(error=error))
                    return
                self._done(place, call, change, result)
                return
            if request.sink is not None:  # a download, of which nothing is written
                self._state.results.downloaded(chosen.get("download") if isinstance(chosen, dict) else None)
                self._done(place, call, change, Response(200))
                return
            url, reader = self._state.made_up.subject(call.api, call.operation, request)
            known = self._state.made_up.known(call.api, url) if url is not None else None
        values = parameters if isinstance(parameters, dict) else {}
        values = values.get("params") or {} if call.asks is not None else values
        if url is None or known is not None:
            base = None if known is None else known.value
            self._change(place, call, change, values, base, known=known is not None)
        elif _may_read(session, call.api, reader):
            self._look_up(session, url, call, lambda base: self._change(place, call, change, values, base, url=url))
        else:
            self._change(place, call, change, values, None, url=url)

    def _look_up(self, session: Session, url: str, call: Call, then: Callable[[Any], None]) -> None:
        """Read the object that a change is about, and pass it to ``then``, or answer with the error."""
        request = call.request
        assert request is not None
        assert call.api is not None

        def read(reply: Reply) -> None:
            answer = reply.value
            if reply.error is not None:
                call.deliver(reply)
                return
            if isinstance(answer, Response) and answer.status in (404, 410):
                call.deliver(reply)
                return
            base = _decoded(answer)
            if base is None:
                text = f"{call.name}: the object it changes could not be read, so its whole answer is made up"
                self._say(session, call, text)
            then(base)

        self.reads += 1
        asked = Request(
            "GET", url, _without_body(request.headers), operation=request.operation, credential=request.credential,
            timeout=request.timeout, retries=request.retries,
        )  # fmt: skip
        session.services.worker.submit(
            AsyncRequest(call.name, asked, call.deadline or monotonic() + 30.0, read, session, function=call.function)
        )

    def _change(
        self,
        place: int,
        call: Call,
        change: PlannedChange,
        values: Any,
        base: Any,
        *,
        known: bool = False,
        url: str = "",
    ) -> None:
        """Answer a change of an API's object.

        ``base`` is the object before the change, if it is known, and ``known`` says that the plan made it. ``url`` is
        that of the object. Called on the session's thread or the loop's.
        """
        api, operation, request = call.api, call.operation, call.request
        assert api is not None
        assert operation is not None
        assert request is not None
        try:
            with self._lock:
                found = self._cost(call, api, operation, request)
                answer, value = self._state.made_up.change(api, operation, request, values, base, url)
                self._count(found, answer)
                if found.money is not None:
                    change = msgspec.structs.replace(change, amount=found.money.amount, currency=found.money.currency)
                change = msgspec.structs.replace(change, open_amount=not found.known)
                id = _identity(api, value) if isinstance(value, dict) else None
                changed = base is None or known or not operation.path.endswith("}")
                if changed and isinstance(value, dict):
                    self._note_members(value, values, str(id or change.operation))
                self._done(place, call, change, answer, value, id)
        except Exception as error:  # an unforeseen shape: the script gets an error rather than waiting for ever
            text = f"{call.name}: no answer could be made up: {type(error).__name__}: {error}"
            call.deliver(Reply(error=FunctionError(text)))

    def _done(
        self, place: int, call: Call, change: PlannedChange, answer: Any, value: Any = None, id: Any = None
    ) -> None:
        shown = answer if value is None and not isinstance(answer, Response) else value
        if isinstance(answer, dict):
            self._note_members(answer, {}, change.operation)
        made = dict(planned_members(shown))
        if id is None:
            id = next(iter(made.values()), None)
        with self._lock:
            self._order[place] = msgspec.structs.replace(change, id=id, made=made)
        self._deliver(call, Reply(answer))

    def _deliver(self, call: Call, reply: Reply) -> None:
        """Answer a change. Its reservations stay in the budgets until the plan is made, and are then given back."""
        reservations, call.reservations = call.reservations, ()
        if isinstance(reply.value, Response):
            settle(reservations, reply)
        with self._lock:
            self._state.reservations += reservations
        call.deliver(reply)

    def _result(self, session: Session, call: Call) -> Any:
        payload = call.payload
        if type(payload) is IteratorStep:
            return None  # it ends at once
        if type(payload) is Invocation:
            value = self._state.results.function(payload)
            if value in ([], {}):
                self._say(
                    session, call, f"{call.name}: its result is planned as an empty table; what follows may differ"
                )
            return value
        if type(payload) is not LibraryCall:
            return None
        self._state.libraries.add(payload.name.partition(".")[0])
        return self._state.results.change(payload)

    def _cost(self, call: Call, api: Api, operation: Operation, request: Request) -> Cost:
        if api.name != "stripe":
            return Cost()  # amounts are known for Stripe only
        if call.asks is not None and not call.asks.known:
            return Cost(known=False)
        return cost(operation, request, self._state.counted, call.beyond)

    def _count(self, found: Cost, answer: Response) -> None:
        """Remember the amount of an object, so that the cost of later calls on it is known."""
        if found.total is not None:
            for id in counted_ids(answer):
                self._state.counted[id] = found.total

    def _note_members(self, value: dict[str, Any], given: Any, whose: str) -> None:
        """Note the members of an answer that no call has set, and whose values are therefore made up."""
        known = self._state.given.setdefault(whose, {"id", "object", "metadata"})
        known.update(given if isinstance(given, dict) else ())
        for name, each in value.items():
            if name not in known:
                self.members.setdefault(name, whose)
            if name not in known and isinstance(each, bool | int | float | str) and not holds_planned(each):
                self.used.setdefault(name, whose)

    # -- reads

    def _read(self, session: Session, call: Call) -> None:
        request, payload = call.request, call.payload
        if request is not None and call.api is not None and call.operation is not None:
            answer, missing = self._state.made_up.read(call.api, call.operation, request)
            if answer is not None:
                call.deliver(Reply(answer))
                return
            if missing:
                text = f"{call.name}: the list is that of the API now, without the plan's changes to {_some(missing)}"
                self._say(session, call, text)
        elif type(payload) is LibraryCall:
            try:
                known, value, asked = self._state.results.read(payload)
            except InvalidCall as error:
                call.deliver(Reply(error=error))
                return
            if known:
                call.deliver(Reply(value))
                return
            call.payload = asked
            library = payload.name.partition(".")[0]
            if library in self._state.libraries:
                self._say(session, call, f"{call.name}: it reads the present state, without the changes of this plan")
        self.reads += 1
        self._submit(call)

    def _say(self, session: Session, call: Call, text: str) -> None:
        found = Unforeseen(_place(session, call), text)
        if found not in self.unforeseen:
            self.unforeseen.append(found)


def _identity(api: Api, value: dict[str, Any]) -> str | int | None:
    found = value.get(api.catalog.facts.id_field)
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def _may_read(session: Session, api: Api, reader: str) -> bool:
    """Whether the run's permissions allow reading the object that a change is about."""
    try:
        session.job.permissions.check_operation(f"{api.name}.{reader}", mutation=False, live=api.is_live)
    except DeniedError:
        return False
    return True


def _place(session: Session, call: Call) -> str:
    script = session.job.script.name
    return script if call.line is None else f"{script}:{call.line}"


def _some(ids: list[str]) -> str:
    more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
    return ", ".join(ids[:5]) + more


def _without_body(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    left = ("content-type", "content-length", "idempotency-key")
    return tuple((name, value) for name, value in headers if name.lower() not in left)


def _decoded(answer: Any) -> dict[str, Any] | None:
    """The JSON object in an answer, if it has one."""
    if not isinstance(answer, Response) or answer.status >= 300:
        return None
    try:
        found = decode_json(answer.body)
    except (ValueError, LimitError):
        return None
    return found if isinstance(found, dict) else None
