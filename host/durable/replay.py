"""A durable run: its calls are held until the journal has them, and answered from there when it is resumed.

Between two answers a script is deterministic: the host records the rest (times, random seeds, modules, input)
and ``prelude/durable.lua`` gives tables a fixed order. So the same script, told the same answers in the same
order, makes the same calls; any other call is noticed and ends the run.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from msgspec.structs import replace

from host.bridge.request import Reply
from host.calls.pipeline import Call
from host.durable.history import History
from host.durable.in_doubt import answer_of, in_doubt_error, skipped_error
from host.durable.journal import Journal
from host.durable.recorded_answers import Recalled, reply_of
from host.durable.records import Decided, Record, Sent, Told, decode_sent, decode_told, encode
from host.durable.rehydration import Reopening, Transaction, undone_by_its_end
from host.errors import CallError, CancelledCall, HostError, InvalidCall, LimitError, ScriptError, kinds
from host.http.idempotency import derived_key
from host.lua import protocol as p
from host.lua.values import SecretText, from_lua
from host.policy.budget import readmit, settle
from host.run.result_type import written

if TYPE_CHECKING:
    from host.run.builtins import Tools
    from host.run.session import Session

KEY_LIFE: Final = 23 * 3600.0
"""Seconds for which a key is sure to be honoured: Stripe says 24 hours, an hour is left for clocks."""
CLOCK_SLACK: Final = 300.0  # seconds a clock may go back before the age of a key counts as unknown
RECORDED: Final = frozenset({"seed", "note", "env", "read", "require", "require.path"})
SLEEP_NAME: Final = "sleep"

_sorted = msgspec.msgpack.Encoder(order="sorted", enc_hook=lambda value: _plain(value)).encode
_sorted_json = msgspec.json.Encoder(order="sorted", enc_hook=lambda value: _secret_text(value)).encode


class ReplayStep:
    """A call or sleep without its answer yet."""

    __slots__ = (
        "arguments",
        "call",
        "cancelled",
        "digest",
        "id",
        "n",
        "name",
        "path",
        "seconds",
        "sent",
        "timer",
    )

    def __init__(self, id: int, path: str, n: int, name: str, digest: bytes) -> None:
        self.id = id
        self.path = path
        self.n = n
        self.name = name
        self.digest = digest
        self.call: Call | None = None  # None: a sleep
        self.seconds = 0.0
        self.arguments: Any = None
        self.cancelled = False
        self.sent = False  # it is on its way; under the run's lock
        self.timer: Any = None

    def cancel(self) -> None:
        """What a timer's ``cancel`` does."""
        if self.timer is not None:
            self.timer.cancel()


class Durable:
    """The journal's side of one run. Its session asks it at each call, answer and tool; see ``Session``.

    ``log`` is what is recorded already, empty for a new run, with what was decided of calls in doubt. ``in_doubt``
    (ask, repeat or skip) says what to do with those nothing was decided of. ``submit`` hands a call over. ``modules``:
    ``"recorded"`` takes the text of required modules from the log, ``"current"`` from their files.
    """

    def __init__(
        self,
        journal: Journal,
        run_id: str,
        *,
        generation: int = 1,
        log: list[Record] | None = None,
        printed: int = 0,
        in_doubt: str = "ask",
        modules: Literal["recorded", "current"] = "recorded",
        submit: Callable[[Call], None],
    ) -> None:
        self.journal = journal
        self.run_id = run_id
        self.stopped: ScriptError | None = None
        self._label = run_id if generation == 1 else f"{run_id}~{generation}"
        self._in_doubt = in_doubt
        self._modules = modules
        self._submit = submit
        self._lock = threading.RLock()
        self._closed = False
        self._seq = 0
        self._steps: dict[int, ReplayStep] = {}  # by the call's id
        self._places: dict[tuple[str, int], ReplayStep] = {}
        self._reopening = Reopening()
        self._repeated: set[int] = set()  # calls that are repeated by a decision, until they have their answers
        self._held_back: list[Callable[[], None]] = []  # what the script is told then
        self._under_way = 0  # mutations sent whose outcome is still to come, under the lock
        self._read_log(log or [], printed)

    def _read_log(self, log: list[Record], printed: int) -> None:
        # Places whose answer is to be tried again and said that nothing was done: these are not in doubt.
        self._refused = {
            (record.path, record.n)
            for record in log
            if log[-1].kind == "resumed" and record.seq == log[-1].n and _is_refusal(record)
        }
        history = History(log)
        self._answers, self._values = history.answers, history.values
        self._sent, self._late, self._decided = history.sent, history.late, history.decided
        self._seq = log[-1].seq if log else 0
        self._open_before = {place for place in self._sent if place not in history.told}
        self._shown = max(printed, history.printed)
        self.replaying = bool(log)

    # -- the session's thread: calls

    def key(self, path: bytes, n: int) -> str:
        """The idempotency key of the call at this place of this run."""
        return derived_key(self._label, path.decode().split("."), n)

    def call(self, session: Session, call: Call, arguments: Any, options: Any, path: bytes, n: int) -> bytes | None:
        """Take note of a call before the gate checks it. Gives the facts of its refusal if a budget refused it
        before. Raises ``CallError`` once the run is stopped."""
        if self.stopped is not None:
            raise CancelledCall("the run was stopped")
        step = ReplayStep(call.id, path.decode(), n, call.name, _digest(call.kind, call.name, arguments, options))
        step.call, step.arguments = call, arguments
        self._compare(session, step, call.line)
        next_ = self._answers[0] if self._answers else None
        if next_ is not None and next_.kind == "refused" and (next_.path, next_.n) == (step.path, n):
            if next_.digest != step.digest:
                raise self._diverged(session, _changed(next_, step), call.line)
            self._answers.popleft()
            return decode_told(next_.data).a
        self._steps[call.id] = self._places[step.path, n] = step
        call.key = self.key(path, n)
        call.hold = lambda _: self._hold(session, step)
        return None

    def sleep(self, session: Session, id: int, seconds: float, path: bytes, n: int) -> ReplayStep:
        """Take note of a sleep, and start it unless it is over already; gives what cancels it."""
        step = ReplayStep(id, path.decode(), n, SLEEP_NAME, _digest(p.SLEEP, SLEEP_NAME, f"{seconds:.17g}", None))
        step.seconds = seconds
        self._compare(session, step, None)
        self._steps[id] = self._places[step.path, n] = step
        if not self.replaying:
            self._record(session, "sent", step, None, encode(Sent(seconds=seconds, printed=session.printed)))
            self._ring(session, step, seconds)
        return step

    def refused(self, id: int, session: Session | None = None, facts: bytes | None = None) -> None:
        """The gate did not let a call through: the script is told, and will be again. ``facts`` are of a
        refusal by what is left of a budget, which may be another next time, and so is recorded."""
        step = self._steps.pop(id, None)
        if step is None:
            return
        del self._places[step.path, step.n]
        if facts is not None and session is not None and not self.replaying:
            line = step.call.line if step.call is not None else None
            self._record(session, "refused", step, line, encode(Told(p.ERROR, facts, None, session.printed)))

    def opened(self, call: Call) -> None:
        """A function gave an iterator: that it did is nothing to record, only its items are."""
        self.refused(call.id)
        if self.replaying and call.reply is not None:
            self._reopening.opened(call.reply.value)

    def cancel(self, session: Session, id: int) -> bool:
        """Give a call up; whether that is all there is to do about it now."""
        step = self._steps.get(id)
        if step is None:
            return True
        with self._lock:
            step.cancelled = True
            if self.replaying:
                return True  # when it was told of that is in the log, or comes with going live
            return step.call is not None and not step.sent

    def _hold(self, session: Session, step: ReplayStep) -> None:
        if not self.replaying:
            self._send(session, step)

    def _send(self, session: Session, step: ReplayStep) -> None:
        call = step.call
        assert call is not None
        lost = self._reopening.iterator(call, step.arguments, session.services.gate.functions)
        if lost is not None:
            call.deliver_error(lost)
            return
        if not call.mutation:
            self._go(session, step)
            return
        self._go_recorded(session, step, call)

    def _go_recorded(self, session: Session, step: ReplayStep, call: Call) -> None:
        """Off with a change, once it is recorded that it is sent."""
        key = session.services.gate.key(call)
        data = encode(Sent(key=None if key is None else key[1], printed=session.printed))
        self._record(session, "sent", step, call.line, data, lambda error: self._go(session, step, error))

    def _go(self, session: Session, step: ReplayStep, error: HostError | None = None) -> None:
        """Off with it, now that the journal has it. On the writer's thread, or the session's for a read."""
        call = step.call
        assert call is not None
        if error is not None:
            self._fail(session, error)
            return
        with self._lock:
            if self._closed:
                return
            step.sent = not step.cancelled
            if step.sent and call.mutation:
                call.place = step.path, step.n, step.digest
                self._under_way += 1
        if step.sent:
            lost = self._reopening.transaction(call, step.arguments)
            if lost is None:
                self._submit(call)
            else:
                self._begin_again(session, lost, call)
        else:
            before: Any = "unknown" if (step.path, step.n) in self._open_before else "not_sent"
            outcome = before if call.mutation else None
            call.deliver_error(CancelledCall(f"{call.name} was cancelled", outcome=outcome))

    def _begin_again(self, session: Session, lost: Transaction, call: Call) -> None:
        """Send a call once the transaction it belongs to is where it was."""
        with self._lock:
            stands = lost.stands
            lost.waiting.append(call)
            first = len(lost.waiting) == 1
        if stands:
            self._submit(call)
            return

        def begun(reply: Reply) -> None:
            error, what = reply.error, None if reply.error is not None else lost.differs(reply)
            if error is not None:
                text = f"the transaction that was open when the run broke off cannot be begun anew: {error.message}"
                script = session.job.script.name
                self._stop(session, ScriptError(text, kind=error.kind, script=script, hint=error.hint, cause=error))
            elif what is not None:
                text = "in the transaction that was open then, this statement gave something else: "
                self._diverged(session, text + what, call.line)
            with self._lock:
                waiting, lost.waiting = lost.waiting, []
                self._reopening.reopened(lost)
            for each in waiting:
                if self.stopped is None:
                    self._submit(each)
                else:
                    each.deliver_error(CancelledCall("the run was stopped", outcome="not_sent"))

        if first:
            session.services.gate.ask(session, "sql.again", lost.again(), begun)

    def _ring(self, session: Session, step: ReplayStep, seconds: float) -> None:
        def rung(reply: Any) -> None:
            session.services.runners.post(session, (step.id, reply.error))

        step.timer = session.services.worker.call_later(seconds, rung)

    # -- answers

    def answered(
        self, session: Session, id: int, status: int, a: bytes | None, b: Any, call: Call | Recalled | None
    ) -> None:
        """An answer is about to be told to the script."""
        if type(call) is not Call:
            call = None
        step = self._steps.pop(id, None)
        if step is None:
            return
        del self._places[step.path, step.n]
        facts = session.services.gate.facts(call) if call is not None else {}
        told = Told(status, a, b, session.printed, facts.get("request_id"), facts.get("attempts") or 0)
        # A change that could not be repeated is worth a commit of its own.
        alone = call is not None and call.mutation and session.services.gate.key(call) is None
        if call is not None and call.place is not None and not _open_outcome(call):
            self._settled()
        self._record(session, "answer", step, call.line if call else None, encode(told), urgent=alone)
        if self._repeated:
            self._through(id)

    def unread(self, session: Session, item: Any) -> None:
        """A reply that came when the script had ended."""
        if type(item) is Call and item.reply is not None and not _open_outcome(item):
            self.late(session, item, item.reply)

    def late(self, session: Session, call: Call, reply: Reply) -> None:
        """What became of a change nobody waits for any more. On any thread."""
        if call.place is None:
            return
        if reply.error is None or reply.error.outcome == "rejected":
            answered = replace(call, reply=reply)
            status, a, b = session.interpreted(answered)
            path, n, digest = call.place
            step = ReplayStep(call.id, path, n, call.name, digest)
            told = Told(status, a, b, session.printed, session.services.gate.facts(answered).get("request_id"))
            self._record(session, "late", step, call.line, encode(told), urgent=True)
        self._settled()

    def _settled(self) -> None:
        with self._lock:
            self._under_way -= 1
            over = self._closed and self._under_way == 0
        if over:
            self.journal.release(self.run_id)

    # -- replay

    def next_answer(self, session: Session) -> tuple[int, int, bytes | None, Any] | None:
        """The next recorded answer for ``enter``; ``None`` once they are used up and the run is live."""
        if not self._answers:
            self._go_live(session)
            return None
        record = self._answers[0]
        step = self._places.pop((record.path, record.n), None)
        if step is None:
            self._diverged(session, f"the script does not make {_named(record)} any more")
            return None
        self._answers.popleft()
        if step.digest != record.digest:
            self._diverged(session, _changed(record, step))
            return None
        del self._steps[step.id]
        told = decode_told(record.data)
        if step.call is not None:
            self._reopening.told(step.call, step.arguments, told)
            reply = reply_of(step.call, told)
            if step.call.claims:
                settle(step.call.claims, reply)
            session.services.gate.recall(step.call, reply)
        return step.id, told.status, told.a, told.b

    def _compare(self, session: Session, step: ReplayStep, line: int | None) -> None:
        before = self._sent.get((step.path, step.n)) if self._sent else None
        if before is not None and before.digest != step.digest:
            raise self._diverged(session, _changed(before, step), line)

    def _go_live(self, session: Session) -> None:
        missing = [self._sent[place] for place in self._open_before if place not in self._places]
        if missing:
            first = min(missing, key=lambda record: record.seq)
            self._diverged(session, f"the script does not make {_named(first)} any more")
            return
        if self._values:
            name = self._values[0].name.partition(":")[2] or self._values[0].name
            self._diverged(session, f"the script does not ask for {name} any more, as it did before")
            return
        doubtful = [step for step in self._steps.values() if self._needs_decision(step)]
        if doubtful and self._in_doubt == "ask":
            doubtful.sort(key=lambda step: self._sent[step.path, step.n].seq)
            sent = [(step, self._sent[step.path, step.n]) for step in doubtful]
            self._stop(session, in_doubt_error(session, sent, self.journal, self.run_id))
            return
        self.replaying = False
        for step in doubtful:
            said = self._decided[step.path, step.n] = Decided(self._in_doubt, all=True)
            line = step.call.line if step.call is not None else None
            self._record(session, "decided", step, line, encode(said))
        steps = [(step, self._decided.get((step.path, step.n))) for step in self._steps.values()]
        self._repeated = {
            step.id
            for step, decided in steps
            if decided is not None and decided.word == "repeat" and (step.path, step.n) not in self._late
        }
        for step, decided in steps:
            self._revive(session, step, decided)

    def _needs_decision(self, step: ReplayStep) -> bool:
        """Whether a call was sent, what came of it is unknown, and repeating it could do it twice."""
        before = self._sent.get((step.path, step.n))
        if before is None or step.call is None or (step.path, step.n) in self._late:
            return False
        if (step.path, step.n) in self._decided:
            return False
        if undone_by_its_end(step.name, step.arguments):
            return False
        if decode_sent(before.data).key is None:
            return True
        age = self.journal.clock() - before.at
        return not -CLOCK_SLACK <= age <= KEY_LIFE

    def _revive(self, session: Session, step: ReplayStep, decided: Decided | None) -> None:
        """Have a call or sleep that is without an answer go on."""
        before = self._sent.get((step.path, step.n))
        late = self._late.get((step.path, step.n))
        if step.call is None:
            passed = max(0.0, self.journal.clock() - before.at) if before is not None else 0.0
            if before is None:
                self._record(session, "sent", step, None, encode(Sent(seconds=step.seconds, printed=session.printed)))
            self._ring(session, step, max(0.0, step.seconds - passed))
            if step.cancelled:
                step.cancel()
                session.services.runners.post(session, (step.id, CancelledCall("the task was cancelled")))
            return
        call = step.call
        session.announce(call, step.arguments)
        if step.cancelled:
            outcome: Any = ("unknown" if before else "not_sent") if call.mutation else None
            call.deliver_error(CancelledCall(f"{call.name} was cancelled", outcome=outcome))
        elif late is not None:
            self._recall(session, step, call, decode_told(late.data))
        elif before is not None and decided is not None:
            self._decide(session, step, call, decided)
        elif before is not None:
            if (step.path, step.n) not in self._refused:
                session.services.gate.recall(call, None)
            self._go(session, step)
        else:
            try:
                call.claims = readmit(call.claims, call.name)
            except LimitError as error:
                call.claims = ()
                call.deliver_error(error)
                return
            self._send(session, step)

    def _decide(self, session: Session, step: ReplayStep, call: Call, decided: Decided) -> None:
        """Do what was decided of a call in doubt."""
        if decided.word == "repeat":  # recorded once more: should it be lost again, that is another doubt
            session.services.gate.recall(call, None)
            self._go_recorded(session, step, call)
        elif decided.word == "skip":
            error = skipped_error(step, call, self.journal, self.run_id)
            self._hold_back(lambda: call.deliver_error(error))
        else:
            self._recall(session, step, call, Told(p.VALUE, *answer_of(call, decided.value)))

    def _recall(self, session: Session, step: ReplayStep, call: Call, told: Told) -> None:
        """Have the script told an answer that is known already."""
        reply = reply_of(call, told)
        settle(call.claims, reply)
        session.services.gate.recall(call, reply)
        item = Recalled(step.id, told.status, told.a, told.b)
        self._hold_back(lambda: session.services.runners.post(session, item))

    def _hold_back(self, tell: Callable[[], None]) -> None:
        """Tell the script something once all that is repeated is through: it might give that up for it."""
        if self._repeated:
            self._held_back.append(tell)
        else:
            tell()

    def _through(self, id: int) -> None:
        self._repeated.discard(id)
        if not self._repeated:
            told, self._held_back = self._held_back, []
            for tell in told:
                tell()

    # -- what is different each time

    def tool(self, session: Session, tools: Tools, name: str, a: Any, b: Any) -> bytes | None:
        """``Tools.use``, recorded or from the record."""
        if name == "json.encode":
            try:
                return _sorted_json(tools.writable(a))
            except (TypeError, ValueError, UnicodeDecodeError) as error:
                raise InvalidCall(f"json.encode: {error}") from None
        if name == "log" and self.replaying:
            return None
        if name not in RECORDED:
            return tools.use(name, a, b)
        label = name if a is None else f"{name}:{a.decode('utf-8', 'replace')}"
        if self._values:
            record = self._values[0]
            if record.name != label:
                raise self._diverged(session, f"the script asks for {label}, where it asked for {record.name}")
            self._values.popleft()
            found: bytes | None = msgspec.msgpack.decode(record.data)
            if self._modules == "current" and name.startswith("require"):
                try:
                    return tools.use(name, a, b)
                except CallError:
                    return found
            return found
        value = b if name == "note" else tools.use(name, a, b)
        self._append("value", "", 0, label, None, b"", encode(value), None, urgent=False)
        return value

    def visible(self, start: int, data: bytes) -> bytes:
        """The part of output that begins at byte ``start`` of all output, that was not shown before."""
        return data if start >= self._shown else data[self._shown - start :]

    # -- the end

    def closing(self, session: Session, error: ScriptError | None) -> ScriptError | None:
        """The error a run is ending with: its own, or why it was stopped."""
        if self.replaying and self.stopped is None and session.is_ending_by_itself and (self._answers or self._values):
            what = _named(self._answers[0]) if self._answers else f"what it asked for next, {self._values[0].name},"
            self._diverged(session, f"the script ended before {what} which it did before")
        return self.stopped or error

    def end(
        self,
        session: Session,
        value: Any,
        rest: tuple[Any, ...],
        error: ScriptError | None,
        *,
        interrupted: bool,
        then: Callable[[], None],
    ) -> None:
        """Record how the run ended; ``then`` once it is on the disk, or cannot be."""
        if self.stopped is not None:
            status = "stopped"
        elif error is None:
            status = "done"
        else:
            status = "interrupted" if interrupted else "failed"
        try:
            result = written(value, rest)
        except InvalidCall:  # it holds a secret, which is not written down
            result = b"\xc0"

        def recorded(lost: HostError | None) -> None:
            if lost is not None and session.result is not None and session.result.error is None:
                text = f"{lost.message}; the script came to its end, which could not be recorded"
                failure = ScriptError(text, kind="journal", script=session.job.script.name, hint=lost.hint, cause=lost)
                session.result = replace(session.result, value=None, exit_status=None, error=failure)
            then()

        with self._lock:
            self._closed = True
            over = self._under_way == 0
        self.journal.end(
            self.run_id, status, printed=max(session.printed, self._shown), calls=session.calls, value=result,
            error=error.message if error is not None else None, then=recorded,
            exit_status=session.result.exit_status if session.result is not None else None,
        )  # fmt: skip
        if over:
            self.journal.release(self.run_id)

    def _stop(self, session: Session, error: ScriptError) -> None:
        if self.stopped is None:
            self.stopped = error
        session.kill("stopped")

    def _fail(self, session: Session, error: HostError) -> None:
        text = f"{error.message}; the run was stopped before it did what could not be recorded"
        self._stop(
            session,
            ScriptError(text, kind="journal", script=session.job.script.name, hint=error.hint, cause=error),
        )

    def _diverged(self, session: Session, what: str, line: int | None = None) -> CallError:
        command = self.journal.command("resume", self.run_id)
        hint = (
            f"{command} --recorded goes on with the script's text as it was recorded; "
            "--force-new starts over, with new keys: what was done so far would be done again"
        )
        text = f"this is not the way the run took before: {what}"
        job = session.job
        source = job.script.lines(line) if line is not None else ""
        self._stop(
            session,
            ScriptError(text, kind="diverged", script=job.script.name, line=line, source=source, hint=hint),
        )
        return CancelledCall("the run was stopped")

    # -- records

    def _record(
        self,
        session: Session,
        kind: str,
        step: ReplayStep,
        line: int | None,
        data: bytes,
        then: Callable[[HostError | None], None] | None = None,
        *,
        urgent: bool = False,
    ) -> None:
        if then is None:

            def then(error: HostError | None) -> None:
                if error is not None:
                    self._fail(session, error)

            waits = urgent
        else:
            waits = True
        self._append(kind, step.path, step.n, step.name, line, step.digest, data, then, urgent=waits)

    def _append(
        self, kind: str, path: str, n: int, name: str, line: int | None, digest: bytes, data: bytes,
        then: Callable[[HostError | None], None] | None, *, urgent: bool,
    ) -> None:  # fmt: skip
        with self._lock:  # the loop's thread records what came late
            self._seq += 1
            record = Record(self.run_id, self._seq, kind, path, n, self.journal.clock(), name, line, digest, data)
            self.journal.append(record, then, urgent=urgent)


def failure_to_repeat(log: list[Record]) -> int:
    """The ``seq`` of the answer to try again when a failed run is resumed, or 0.

    It is the last of the log and an error that says nothing final of the call: the run ended with it, nothing
    came after, and its key makes trying again safe.
    """
    last = log[-1] if log else None
    if last is not None and last.kind == "refused":  # what is left of a budget may be more by now
        return last.seq
    if last is None or last.kind != "answer":
        return 0
    told = decode_told(last.data)
    if told.status != p.ERROR or told.a is None:
        return 0
    facts = from_lua(told.a)
    status = facts.get("status")
    error = kinds().get(str(facts.get("kind")))
    passing = (error is not None and error.passing) or (
        isinstance(status, int) and (status >= 500 or status in (409, 429) or facts.get("outcome") == "unknown")
    )
    return last.seq if passing else 0


def _is_refusal(record: Record) -> bool:
    """Whether an answer says that its change was not made."""
    told = decode_told(record.data) if record.kind == "answer" else None
    if told is None or told.status != p.ERROR or told.a is None:
        return False
    return from_lua(told.a).get("outcome") in ("rejected", "not_sent")


def _open_outcome(call: Call) -> bool:
    """Whether a change was given up while it was under way: its outcome is still to come."""
    error = call.reply.error if call.reply is not None else None
    return isinstance(error, CancelledCall) and error.outcome == "unknown"


def _digest(kind: int, name: str, arguments: Any, options: Any) -> bytes:
    return hashlib.blake2b(_sorted([kind, name, arguments, options]), digest_size=16).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, SecretText):
        return ["secret", *value.parts]
    raise TypeError(type(value).__name__)


def _secret_text(value: Any) -> Any:
    if isinstance(value, SecretText):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is not JSON")


def _named(record: Record) -> str:
    at = f" of line {record.line}" if record.line is not None else ""
    return f"call {record.n} of task {record.path}, {record.name}{at},"


def _changed(record: Record, step: ReplayStep) -> str:
    where = f"call {record.n} of task {record.path}"
    at = f" (line {record.line})" if record.line is not None else ""
    if record.name != step.name:
        return f"{where} was {record.name}{at} and is now {step.name}"
    return f"{where}, {record.name}{at}, has other arguments than it had"
