"""Applies a plan in a durable run, which is stopped at the first change that differs from the plan.

Changes are compared task by task and in the order of each, since concurrent tasks need not be answered in the same
order as before. A made-up value in the plan is compared with the real one in its place, once that is known.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

from host.calls.call import Call
from host.durable.replay import Durable
from host.errors import CallError, CancelledCall, InvalidCall, LimitError, ScriptError
from host.lua import protocol as p
from host.lua.values import from_lua
from host.plan.described import Openings, described, is_change, operation_name
from host.plan.plan import Plan, PlannedChange
from host.plan.planned_values import holds_planned, member, with_real_values
from host.plan.real_values import RealValues

if TYPE_CHECKING:
    from host.run.builtins import Tools
    from host.run.session import Session

__all__ = ["Applying"]


class Applying:
    """Compares the changes of one run with its plan, and has ``durable`` record the run.

    It has the methods of :class:`host.run.recording.Recording`. ``real`` holds the real values of a plan of several
    runs: those known from earlier runs are used, and those found in this one are added.
    """

    def __init__(self, durable: Durable, plan: Plan, real: RealValues | None = None) -> None:
        self._durable = durable
        self._left: defaultdict[str, deque[PlannedChange]] = defaultdict(deque)
        for change in plan.changes:
            self._left[change.task].append(change)
        self._values: defaultdict[str, deque[bytes]] = defaultdict(deque)
        for label, value in plan.values:
            self._values[label].append(value)
        self._shared = real
        self._real: dict[Any, Any] = {} if real is None else dict(real.known)  # by the planned value each stands for
        self._waiting: dict[int, tuple[PlannedChange, int]] = {}  # changes without an answer, by the call's id
        self._openings = Openings()

    @property
    def replaying(self) -> bool:
        """Whether the run still repeats what is recorded of it."""
        return self._durable.replaying

    # -- changes

    def begun(self, session: Session) -> None:
        """Passed on to the durable run."""
        self._durable.begun(session)

    def call(self, session: Session, call: Call, arguments: Any, options: Any, path: bytes, n: int) -> bytes | None:
        """Have a call compared with the plan before it is recorded and sent."""
        refusal = self._durable.call(session, call, arguments, options, path, n)
        if refusal is not None:
            return refusal
        self._openings.asked(call, arguments)
        hold, task = call.hold, path.decode()
        assert hold is not None

        def held(call: Call) -> None:
            self._check(session, call, arguments, options, task)
            hold(call)

        call.hold = held
        return None

    def _check(self, session: Session, call: Call, arguments: Any, options: Any, task: str) -> None:
        if not is_change(call, session.services.pipeline.functions.get) or not self._openings.is_first(call, arguments):
            return
        asked = self._openings.of(call, arguments)
        parameters, chosen = described(call, asked, options, session.services.redactor.value)
        name, left = operation_name(call), self._left[task]
        difference = f"{name} is not planned"
        if left:
            difference = _difference(left[0], name, parameters, chosen, self._real)
        if difference:
            raise self._refused(session, call, difference, left[0] if left else None)
        self._waiting[call.id] = left.popleft(), call.kind

    def _refused(self, session: Session, call: Call, difference: str, planned: PlannedChange | None) -> CallError:
        """Stop the run before a change that was not planned. Returns the error to raise."""
        job = session.job
        where = "" if planned is None else f"; the plan's next change is {planned.operation} at {planned.place}"
        error = ScriptError(
            f"this change is not the plan's next: {difference}{where}. It was not sent",
            kind="unplanned",
            script=job.script.name,
            line=call.line,
            source=job.script.lines(call.line) if call.line is not None else "",
            hint="the changes made before it stay; make a new plan for the rest, or inspect the run with runs show",
        )
        self._durable.stop(session, error)
        return CancelledCall("the run was stopped", outcome="not_sent")

    def _made(self, id: int, status: int, a: bytes | None, b: Any) -> None:
        """A change was answered: find the real values in the place of the made-up ones."""
        self._openings.answered(id)
        planned, kind = self._waiting.pop(id, (None, 0))
        if planned is None or status not in (p.VALUE, p.CREATED):
            return
        packed = b if kind == p.CREATE else a
        if not isinstance(packed, bytes):
            return
        try:
            value = from_lua(packed)
        except (InvalidCall, LimitError):
            return  # changes that were planned with its values will then differ
        for path, made in planned.made.items():
            found = member(value, path)
            if found is not None and not isinstance(found, dict | list):
                self._real.setdefault(made, found)  # later answers may show another value at this path
                if self._shared is not None:
                    self._shared.learn(made, self._real[made], self._durable.run_id)

    def left(self) -> list[PlannedChange]:
        """The planned changes that were not made."""
        return [change for changes in self._left.values() for change in changes]

    # -- passed on to the durable run

    def sleep(self, session: Session, id: int, seconds: float, path: bytes, n: int) -> Any:
        """Passed on to the durable run."""
        return self._durable.sleep(session, id, seconds, path, n)

    def refused(self, id: int, session: Session | None = None, facts: bytes | None = None) -> None:
        """Passed on to the durable run."""
        self._openings.answered(id)
        self._durable.refused(id, session, facts)

    def opened(self, call: Call) -> None:
        """Passed on to the durable run."""
        self._openings.opened(call)
        self._durable.opened(call)

    def cancel(self, session: Session, id: int) -> bool:
        """Passed on to the durable run."""
        return self._durable.cancel(session, id)

    def answered(self, session: Session, id: int, status: int, a: bytes | None, b: Any, call: Any) -> None:
        """An answer is about to reach the script."""
        self._made(id, status, a, b)
        self._durable.answered(session, id, status, a, b, call)

    def unread(self, session: Session, item: Any) -> None:
        """Passed on to the durable run."""
        self._durable.unread(session, item)

    def late(self, session: Session, call: Call, reply: Any) -> None:
        """Passed on to the durable run."""
        self._durable.late(session, call, reply)

    def next_answer(self, session: Session) -> tuple[int, int, bytes | None, Any] | None:
        """The next recorded answer, and the real values in it."""
        answer = self._durable.next_answer(session)
        if answer is not None:
            self._made(*answer)
        return answer

    def tool(self, session: Session, tools: Tools, name: str, a: Any, b: Any) -> bytes | None:
        """``Tools.use``, with the times and seeds of the plan."""
        planned = self._values.get(name if a is None else f"{name}:{a.decode('utf-8', 'replace')}")
        value = planned.popleft() if planned else None
        if value is not None and name == "note":
            return self._durable.tool(session, tools, name, a, value)
        return self._durable.tool(session, tools if value is None else _Given(value), name, a, b)  # type: ignore[arg-type]

    def visible(self, start: int, data: bytes) -> bytes:
        """Passed on to the durable run."""
        return self._durable.visible(start, data)

    def printed(self, text: str) -> None:
        """Passed on to the durable run."""
        self._durable.printed(text)

    def closing(self, session: Session, error: ScriptError | None) -> ScriptError | None:
        """The error a run ends with. A run that succeeds but has not made all planned changes ends with one, too."""
        found = self._durable.closing(session, error)
        left = self.left()
        if found is not None or not left:
            return found
        names = ", ".join(f"{change.operation} at {change.place}" for change in left[:5])
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        text = f"the script ended without making these planned changes: {names}{more}"
        return ScriptError(text, kind="unplanned", script=session.job.script.name)

    def end(self, session: Session, value: Any, rest: Any, error: Any, **how: Any) -> None:
        """Passed on to the durable run."""
        self._durable.end(session, value, rest, error, **how)


class _Given:
    """``Tools`` that return a planned value."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def use(self, name: str, a: Any, b: Any) -> bytes:
        return self._value


def _difference(planned: PlannedChange, name: str, parameters: Any, options: Any, real: dict[Any, Any]) -> str:
    """How a change differs from the planned one; ``""`` if it does not."""
    if name != planned.operation:
        return f"{name} in place of {planned.operation}"
    found = _parted("", with_real_values(planned.parameters, real), parameters)
    return found or _parted("options", with_real_values(planned.options, real), options)


def _parted(path: str, planned: Any, now: Any) -> str:
    """The first difference between two values: ``metadata.order was planned 1 and is 2``."""
    if isinstance(planned, dict) and isinstance(now, dict):
        for name in {**planned, **now}:
            inner = f"{path}.{name}" if path else name
            if name not in now:
                return f"{inner} was planned {_shown(planned[name])} and is missing"
            if name not in planned:
                return f"{inner} is {_shown(now[name])} and was not planned"
            if found := _parted(inner, planned[name], now[name]):
                return found
        return ""
    if isinstance(planned, list) and isinstance(now, list) and len(planned) == len(now):
        for place, (one, other) in enumerate(zip(planned, now, strict=True), 1):
            if found := _parted(f"{path}[{place}]", one, other):
                return found
        return ""
    if planned == now and isinstance(planned, bool) == isinstance(now, bool):
        return ""
    unknown = " (a made-up value whose real one is not known)" if holds_planned(planned) else ""
    return f"{path or 'its argument'} was planned {_shown(planned)}{unknown} and is {_shown(now)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
