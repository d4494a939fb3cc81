"""A run that is planned: its changes are answered with made-up objects and never sent, its reads are.

It stands where a durable run's journal stands (:class:`host.run.recording.Recording`): each call of any kind is held
at the one place where calls are submitted, and only a read is let through.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec

from host.apis.api import Api
from host.bridge.request import AsyncRequest, Reply
from host.calls.call import Call
from host.errors import DeniedError, FunctionError, ScriptError
from host.functions.invocation import Invocation
from host.functions.iterators import IteratorStep
from host.http.message import Request, Response
from host.libraries.library import LibraryCall
from host.plan.branches import branches_on
from host.plan.described import Openings, described, is_change, operation_name
from host.plan.made_up import MadeUp
from host.plan.made_up_results import MadeUpResults
from host.plan.plan import PlannedChange, Unforeseen
from host.plan.planned_values import PlannedNames, planned_members
from host.policy.budget import Reservation, settle
from host.policy.charges import Cost, Money, cost, counted_ids

if TYPE_CHECKING:
    from host.run.builtins import Tools
    from host.run.session import Session

__all__ = ["Planning"]

_RECORDED = ("seed", "note")  # what differs each time, and is to be the same when the plan is applied


class Planning:
    """The plan of one run, while it is made. ``submit`` hands a read over."""

    replaying = False

    def __init__(self, submit: Callable[[Call], None]) -> None:
        self._submit = submit
        self._lock = threading.RLock()  # an object that is read first is changed on the loop's thread
        names = PlannedNames()
        self._made_up = MadeUp(names)
        self._results = MadeUpResults(names)
        self._openings = Openings()
        self._counted: dict[str, Money] = {}
        self._claims: list[Reservation] = []
        self._members: dict[str, str] = {}  # of made-up objects that nobody gave: whose they are
        self._given: dict[str, set[str]] = {}  # members that the script gave, by the object
        self._order: list[PlannedChange | None] = []  # a place is taken when the script makes the change
        self.reads = 0
        self.unforeseen: list[Unforeseen] = []
        self.values: list[tuple[str, bytes]] = []

    @property
    def changes(self) -> tuple[PlannedChange, ...]:
        """In the order in which the script made them."""
        return tuple(change for change in self._order if change is not None)

    # -- calls

    def call(self, session: Session, call: Call, arguments: Any, options: Any, path: bytes, n: int) -> bytes | None:
        """Have a call come to :meth:`_held` when it was checked and would be sent."""
        self._openings.asked(call, arguments)
        call.hold = lambda _: self._held(session, call, arguments, options, path.decode())
        return None

    def _held(self, session: Session, call: Call, arguments: Any, options: Any, task: str) -> None:
        find = session.services.gate.functions.get
        with self._lock:
            if not is_change(call, find):
                self._read(session, call)
                return
            first = self._openings.is_first(call, arguments)
            asked = self._openings.of(call, arguments)
            parameters, chosen = described(call, asked, options, session.services.mask.value)
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
                self._done(place, call, change, self._result(call))
                return
            url, reader = self._made_up.subject(call.api, call.operation, request)
            known = self._made_up.known(call.api, url) if url is not None else None
        values = parameters if isinstance(parameters, dict) else {}
        values = values.get("params") or {} if call.asks is not None else values
        if url is None or known is not None or not _may_read(session, call.api, reader):
            self._change(place, call, change, values, None if known is None else known.value, known=known is not None)
            return
        self._look_up(session, url, call, lambda base: self._change(place, call, change, values, base))

    def _look_up(self, session: Session, url: str, call: Call, then: Callable[[Any], None]) -> None:
        """Read the object that a change is about, which is answered with the API's error where there is none."""
        request = call.request
        assert request is not None
        assert call.api is not None

        def read(reply: Reply) -> None:
            answer = reply.value
            if reply.error is not None:
                call.deliver(reply)
                return
            if not isinstance(answer, Response) or answer.status >= 400:
                call.deliver(reply)
                return
            try:
                base = msgspec.json.decode(answer.body)
            except msgspec.MsgspecError:
                base = None
            then(base if isinstance(base, dict) else None)

        self.reads += 1
        asked = Request(
            "GET", url, _without_body(request.headers), operation=request.operation, credential=request.credential,
            timeout=request.timeout, retries=request.retries,
        )  # fmt: skip
        session.services.worker.submit(
            AsyncRequest(call.name, asked, call.deadline or monotonic() + 30.0, read, session, function=call.function)
        )

    def _change(
        self, place: int, call: Call, change: PlannedChange, values: Any, base: Any, *, known: bool = False
    ) -> None:
        """Answer a change of an API's objects; ``known``: ``base`` is the plan's own. On the session's thread, or the
        loop's.
        """
        api, operation, request = call.api, call.operation, call.request
        assert api is not None
        assert operation is not None
        assert request is not None
        try:
            with self._lock:
                found = Cost()
                if api.name == "stripe" and (call.asks is None or call.asks.known):
                    found = cost(operation, request, self._counted, call.beyond)
                elif api.name == "stripe":
                    found = Cost(known=False)
                answer, value = self._made_up.change(api, operation, request, values, base)
                self._count(found, answer)
                if found.money is not None:
                    change = msgspec.structs.replace(change, amount=found.money.amount, currency=found.money.currency)
                change = msgspec.structs.replace(change, open_amount=not found.known)
                id = _identity(api, value) if isinstance(value, dict) else None
                changed = base is None or known or not operation.path.endswith("}")
                if changed and isinstance(value, dict):
                    self._note_members(value, values, str(id or change.operation))
                self._done(place, call, change, answer, value, id)
        except Exception as error:  # a shape nobody thought of: the script is told, not left waiting
            text = f"{call.name}: no answer could be made up for it: {type(error).__name__}: {error}"
            call.deliver(Reply(error=FunctionError(text)))

    def _done(
        self, place: int, call: Call, change: PlannedChange, answer: Any, value: Any = None, id: Any = None
    ) -> None:
        shown = answer if value is None and not isinstance(answer, Response) else value
        made = dict(planned_members(shown))
        if id is None:
            id = next(iter(made.values()), None)
        with self._lock:
            self._order[place] = msgspec.structs.replace(change, id=id, made=made)
        self._deliver(call, Reply(answer))

    def _deliver(self, call: Call, reply: Reply) -> None:
        """Answer a change. What it took from budgets is counted until the plan is made, and given back then."""
        claims, call.claims = call.claims, ()
        if isinstance(reply.value, Response):
            settle(claims, reply)
        with self._lock:
            self._claims += claims
        call.deliver(reply)

    def _result(self, call: Call) -> Any:
        payload = call.payload
        if type(payload) is IteratorStep:
            return None  # it ends at once
        if type(payload) is Invocation:
            return self._results.function(payload)
        return self._results.change(payload) if type(payload) is LibraryCall else None

    def _count(self, found: Cost, answer: Response) -> None:
        """Remember what an object stands for, so that what follows on it is known."""
        if found.total is not None:
            for id in counted_ids(answer):
                self._counted[id] = found.total

    def _note_members(self, value: dict[str, Any], given: Any, whose: str) -> None:
        """Keep the members of an answer that are not known: those that no call has given."""
        told = self._given.setdefault(whose, {"id", "object", "metadata"})
        told.update(given if isinstance(given, dict) else ())
        for name in value:
            if name not in told:
                self._members.setdefault(name, whose)

    # -- reads

    def _read(self, session: Session, call: Call) -> None:
        request, payload = call.request, call.payload
        if request is not None and call.api is not None and call.operation is not None:
            answer, missing = self._made_up.read(call.api, call.operation, request)
            if answer is not None:
                call.deliver(Reply(answer))
                return
            if missing:
                text = (
                    f"{call.name}: the list is as the API has it now, without what this plan does to {_some(missing)}"
                )
                self._say(session, call, text)
        elif type(payload) is LibraryCall:
            known, value, asked = self._results.read(payload)
            if known:
                call.deliver(Reply(value))
                return
            call.payload = asked
            library = payload.name.partition(".")[0]
            if any(change is not None and change.operation.startswith(f"{library}.") for change in self._order):
                self._say(session, call, f"{call.name}: it reads what is there now, before the changes of this plan")
        self.reads += 1
        self._submit(call)

    def _say(self, session: Session, call: Call, text: str) -> None:
        found = Unforeseen(_place(session, call), text)
        if found not in self.unforeseen:
            self.unforeseen.append(found)

    def end_of_script(self, script: str, source: bytes) -> None:
        """Say where the script's text decides by what was made up."""
        for line, member, whose in branches_on(source, self._members):
            text = f"decides by .{member}, which nobody knows before {whose} is there; behind it all may come otherwise"
            self.unforeseen.append(Unforeseen(f"{script}:{line}", text))

    # -- the rest of what a session asks of its log

    def sleep(self, session: Session, id: int, seconds: float, path: bytes, n: int) -> Any:
        """A sleep takes its time: tasks that wait for each other do so in the order they will."""

        def rung(reply: Any) -> None:
            session.services.runners.post(session, (id, reply.error))

        return session.services.worker.call_later(seconds, rung)

    def refused(self, id: int, session: Session | None = None, facts: bytes | None = None) -> None:
        """A call was not let through: the script is told, and nothing is planned."""
        self._openings.answered(id)

    def opened(self, call: Call) -> None:
        """A function gave an iterator."""
        self._openings.opened(call)

    def cancel(self, session: Session, id: int) -> bool:
        """A call is given up as it would be without a plan."""
        return False

    def answered(self, session: Session, id: int, status: int, a: bytes | None, b: Any, call: Any) -> None:
        """An answer is about to be told to the script."""
        self._openings.answered(id)

    def unread(self, session: Session, item: Any) -> None:
        """A reply that came when the script had ended."""

    def late(self, session: Session, call: Call, reply: Reply) -> None:
        """The outcome of a read that was given up."""

    def next_answer(self, session: Session) -> tuple[int, int, bytes | None, Any] | None:
        """Nothing is recorded."""
        return None

    def tool(self, session: Session, tools: Tools, name: str, a: Any, b: Any) -> bytes | None:
        """``Tools.use``; times and seeds are kept, so that applying the plan gives the same."""
        value = b if name == "note" else tools.use(name, a, b)
        if name in _RECORDED and value is not None:
            self.values.append((name if a is None else f"{name}:{a.decode()}", bytes(value)))
        return value

    def visible(self, start: int, data: bytes) -> bytes:
        """All output is shown."""
        return data

    def closing(self, session: Session, error: ScriptError | None) -> ScriptError | None:
        """The error a run is ending with."""
        return error

    def end(
        self, session: Session, value: Any, rest: Any, error: Any, *, interrupted: bool, then: Callable[[], None]
    ) -> None:
        """Give the budgets back what was not spent."""
        with self._lock:
            claims, self._claims = self._claims, []
        for claim in claims:
            if claim.spent:
                claim.meter.ledger.give_back(claim.account, claim.amounts)
        then()


def _identity(api: Api, value: dict[str, Any]) -> str | int | None:
    found = value.get(api.catalog.facts.id_field)
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def _may_read(session: Session, api: Api, reader: str) -> bool:
    """Whether the run's permissions let the object that a change is about be read."""
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
