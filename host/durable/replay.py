"""A durable run: its changes are recorded in the journal before they are sent, and answered from it on resumption.

Between two answers a script is deterministic: the host records everything else that varies (times, random seeds,
modules, input), and ``prelude/durable.lua`` gives tables a fixed order. So the same script, given the same answers in
the same order, makes the same calls; a call that differs is detected and ends the run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec.structs import replace

from host.bridge.request import Reply
from host.calls.call import Call
from host.durable.database import Statement
from host.durable.going_live import GoingLive
from host.durable.journal import Journal
from host.durable.journal_writer import UnderWay
from host.durable.kept_output import OutputKeeper
from host.durable.recorded_answers import Recalled, reply_of
from host.durable.recorded_tools import RecordedTools
from host.durable.records import Record, RecordedReply, Sent, decode_reply, encode
from host.durable.rehydration import Reopening, Transaction
from host.durable.replay_step import ReplayStep, changed, digest_of, named
from host.durable.run_log import RunLog
from host.durable.shown_arguments import shown_arguments
from host.errors import CallError, CancelledCall, HostError, ScriptError
from host.http.idempotency import derived_key
from host.lua import protocol as p
from host.policy.budget import settle
from host.run.result_type import written
from host.run.script import RunResult

if TYPE_CHECKING:
    from host.run.builtins import Tools
    from host.run.job import Why
    from host.run.session import Session

SLEEP_NAME: Final = "sleep"


Outcome = Callable[[str, RunResult, bytes], Sequence[Statement]]
"""``outcome(status, result, value)`` returns statements that are committed together with a run's end, if this process
still owns the run. ``value`` is the result's value as it is recorded."""


class Durable:
    """Records and replays one run. Its ``Session`` calls this at each call, answer and tool.

    ``log`` are the records so far, with the decisions on calls in doubt; it is empty for a new run. ``printed`` is how
    many bytes of output the run had shown. ``in_doubt`` applies to calls in doubt without a decision
    (:class:`GoingLive`), ``modules`` to required modules (:class:`RecordedTools`). ``submit`` sends a call, and
    ``outcome`` returns further statements for the transaction of the run's end. ``steps`` and ``places`` hold the
    calls and sleeps that have no answer yet, by id and by place.
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
        outcome: Outcome | None = None,
    ) -> None:
        self.journal = journal
        self.run_id = run_id
        self.stopped: ScriptError | None = None
        self.unrecorded: HostError | None = None  # why the run's end is not in the journal
        self._label = run_id if generation == 1 else f"{run_id}~{generation}"
        self._submit = submit
        self._outcome = outcome
        self._lock = threading.RLock()
        self._closed = False
        self.steps: dict[int, ReplayStep] = {}  # by the call's id
        self.places: dict[tuple[str, int], ReplayStep] = {}
        self._reopening = Reopening()
        self._under_way = 0  # changes that were sent and whose outcome is not known yet; guarded by the lock
        self.replaying = bool(log)
        self._log = RunLog(journal, run_id, log or [], printed)
        self._live = GoingLive(self._log, in_doubt)
        self._tools = RecordedTools(self._log, modules)
        self._output = OutputKeeper(journal.resume_output(run_id, self._log.shown) if log else 0)
        self._since = journal.clock()

    def begun(self, session: Session) -> None:
        """Note that the run starts: from now on other processes can cancel it and read its output.

        It is called also for a run that ends before its script starts.
        """
        self.journal.watch(self.run_id, UnderWay(self._output, lambda: session.kill("cancelled"), self._since))

    # -- the session's thread: calls

    def key(self, path: bytes, n: int) -> str:
        """The idempotency key of call ``n`` of the task ``path`` of this run."""
        return derived_key(self._label, path.decode().split("."), n)

    def call(self, session: Session, call: Call, arguments: Any, options: Any, path: bytes, n: int) -> bytes | None:
        """Note a call before the pipeline checks it.

        Returns the encoded facts of its error if, according to the log, a budget refused it; otherwise ``None``.
        Raises ``CallError`` once the run is stopped.
        """
        if self.stopped is not None:
            raise CancelledCall("the run was stopped")
        step = ReplayStep(call.id, path.decode(), n, call.name, digest_of(call.kind, call.name, arguments, options))
        step.call, step.arguments = call, arguments
        self._compare(session, step, call.line)
        next_ = self._log.answers[0] if self._log.answers else None
        if next_ is not None and next_.kind == "refused" and (next_.path, next_.n) == (step.path, n):
            if next_.digest != step.digest:
                raise self.diverged(session, changed(next_, step), call.line)
            self._log.answers.popleft()
            return decode_reply(next_.data).a
        self.steps[call.id] = self.places[step.path, n] = step
        call.key = self.key(path, n)
        call.hold = lambda _: self._hold(session, step)
        return None

    def sleep(self, session: Session, id: int, seconds: float, path: bytes, n: int) -> ReplayStep:
        """Note a sleep, and start its timer unless the run is replaying.

        Returns the step, whose ``cancel()`` stops the timer.
        """
        step = ReplayStep(id, path.decode(), n, SLEEP_NAME, digest_of(p.SLEEP, SLEEP_NAME, f"{seconds:.17g}", None))
        step.seconds = seconds
        self._compare(session, step, None)
        self.steps[id] = self.places[step.path, n] = step
        if not self.replaying:
            self.record(session, "sent", step, None, encode(Sent(seconds=seconds, printed=session.printed)))
            self.ring(session, step, seconds)
        return step

    def refused(self, id: int, session: Session | None = None, facts: bytes | None = None) -> None:
        """Note that the pipeline refused a call; the script gets the error.

        A refusal is not recorded if it will be the same on replay. One because of what is left of a budget may differ,
        so it is recorded: ``facts`` are then the encoded facts of its error.
        """
        step = self.steps.pop(id, None)
        if step is None:
            return
        del self.places[step.path, step.n]
        if facts is not None and session is not None and not self.replaying:
            line = step.call.line if step.call is not None else None
            self.record(session, "refused", step, line, encode(RecordedReply(p.ERROR, facts, None, session.printed)))

    def opened(self, call: Call) -> None:
        """Note that a function returned an iterator; its items are recorded, the iterator itself is not."""
        self.refused(call.id)
        if self.replaying and call.reply is not None:
            self._reopening.opened(call.reply.value)

    def cancel(self, session: Session, id: int) -> bool:
        """Cancel a call; returns whether the session need not cancel it in the pipeline too."""
        step = self.steps.get(id)
        if step is None:
            return True
        with self._lock:
            step.cancelled = True
            if self.replaying:
                return True  # its answer is in the log, or is given when the run goes live
            return step.call is not None and not step.sent

    def _hold(self, session: Session, step: ReplayStep) -> None:
        if not self.replaying:
            self.send(session, step)

    def send(self, session: Session, step: ReplayStep) -> None:
        """Send a call, after recording it if it is a change."""
        call = step.call
        assert call is not None
        lost = self._reopening.iterator(call, step.arguments, session.services.pipeline.functions)
        if lost is not None:
            call.deliver_error(lost)
            return
        if not call.mutation:
            self.go(session, step)
            return
        self.go_recorded(session, step, call)

    def go_recorded(self, session: Session, step: ReplayStep, call: Call) -> None:
        """Record a change as sent, then send it."""
        key = session.services.pipeline.answers.key(call)
        arguments = shown_arguments(step.arguments, session.services.redactor)
        data = encode(Sent(key=None if key is None else key[1], printed=session.printed, arguments=arguments))
        self.record(session, "sent", step, call.line, data, lambda error: self.go(session, step, error))

    def go(self, session: Session, step: ReplayStep, error: HostError | None = None) -> None:
        """Send a call, once a change is committed; ``error`` is why it could not be.

        Runs on the journal writer's thread for a change, on the session's for a read.
        """
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
            before: Any = "unknown" if (step.path, step.n) in self._log.open_before else "not_sent"
            outcome = before if call.mutation else None
            call.deliver_error(CancelledCall(f"{call.name} was cancelled", outcome=outcome))

    def _begin_again(self, session: Session, lost: Transaction, call: Call) -> None:
        """Send a call once the statements of its transaction, lost with the earlier process, were repeated."""
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
                text = (
                    f"the transaction that was open when the run was interrupted cannot be begun again: {error.message}"
                )
                script = session.job.script.name
                self.stop(session, ScriptError(text, kind=error.kind, script=script, hint=error.hint, cause=error))
            elif what is not None:
                text = "in the transaction that was open then, this statement gave something else: "
                self.diverged(session, text + what, call.line)
            with self._lock:
                waiting, lost.waiting = lost.waiting, []
                self._reopening.reopened(lost)
            for each in waiting:
                if self.stopped is None:
                    self._submit(each)
                else:
                    each.deliver_error(CancelledCall("the run was stopped", outcome="not_sent"))

        if first:
            session.services.pipeline.function_calls.ask(session, "sql.again", lost.again(), begun)

    def ring(self, session: Session, step: ReplayStep, seconds: float) -> None:
        """End a sleep after ``seconds``."""

        def rung(reply: Any) -> None:
            session.services.runners.post(session, (step.id, reply.error))

        step.timer = session.services.worker.call_later(seconds, rung)

    # -- answers

    def answered(
        self, session: Session, id: int, status: int, a: bytes | None, b: Any, call: Call | Recalled | None
    ) -> None:
        """Record an answer that is about to be given to the script."""
        if type(call) is not Call:
            call = None
        step = self.steps.pop(id, None)
        if step is None:
            return
        del self.places[step.path, step.n]
        facts = session.services.pipeline.answers.facts(call) if call is not None else {}
        recorded = RecordedReply(status, a, b, session.printed, facts.get("request_id"), facts.get("attempts") or 0)
        # Without an idempotency key a change cannot be repeated safely, so its answer is committed without delay.
        alone = call is not None and call.mutation and session.services.pipeline.answers.key(call) is None
        if call is not None and call.place is not None and not _open_outcome(call):
            self._settled()
        self.record(session, "answer", step, call.line if call else None, encode(recorded), urgent=alone)
        self._live.through(id)

    def unread(self, session: Session, item: Any) -> None:
        """Record a reply that arrived after the script had ended."""
        if type(item) is Call and item.reply is not None and not _open_outcome(item):
            self.late(session, item, item.reply)

    def late(self, session: Session, call: Call, reply: Reply) -> None:
        """Record the outcome of a change whose call was cancelled. May be called on any thread."""
        if call.place is None:
            return
        if reply.error is None or reply.error.outcome == "rejected":
            answered = replace(call, reply=reply)
            status, a, b = session.interpreted(answered)
            path, n, digest = call.place
            step = ReplayStep(call.id, path, n, call.name, digest)
            recorded = RecordedReply(
                status, a, b, session.printed, session.services.pipeline.answers.facts(answered).get("request_id")
            )
            self.record(session, "late", step, call.line, encode(recorded), urgent=True)
        self._settled()

    def _settled(self) -> None:
        with self._lock:
            self._under_way -= 1
            over = self._closed and self._under_way == 0
        if over:
            self.journal.release(self.run_id)

    # -- replay

    def next_answer(self, session: Session) -> tuple[int, int, bytes | None, Any] | None:
        """The next recorded answer: call id, status and the two values of the reply.

        ``None`` once all are used up and the run is live, or if the run diverged from its log.
        """
        if not self._log.answers:
            self._live.begin(self, session)
            return None
        record = self._log.answers[0]
        step = self.places.pop((record.path, record.n), None)
        if step is None:
            self.diverged(session, f"the script no longer makes {named(record)}")
            return None
        self._log.answers.popleft()
        if step.digest != record.digest:
            self.diverged(session, changed(record, step))
            return None
        del self.steps[step.id]
        recorded = decode_reply(record.data)
        if step.call is not None:
            self._reopening.note_reply(step.call, step.arguments, recorded)
            reply = reply_of(step.call, recorded)
            if step.call.reservations:
                settle(step.call.reservations, reply)
            session.services.pipeline.answers.recall(step.call, reply)
        return step.id, recorded.status, recorded.a, recorded.b

    def _compare(self, session: Session, step: ReplayStep, line: int | None) -> None:
        before = self._log.sent.get((step.path, step.n)) if self._log.sent else None
        if before is not None and before.digest != step.digest:
            raise self.diverged(session, changed(before, step), line)

    def tool(self, session: Session, tools: Tools, name: str, a: Any, b: Any) -> bytes | None:
        """``Tools.use``, with the result recorded, or taken from the log on replay."""
        return self._tools.use(self, session, tools, name, a, b)

    def visible(self, start: int, data: bytes) -> bytes:
        """The part of ``data``, which begins at byte ``start`` of the run's output, that was not shown before."""
        return data if start >= self._log.shown else data[self._log.shown - start :]

    def printed(self, text: str) -> None:
        """Save further output, secrets masked, whether it was shown before or not."""
        self._output.add(text)

    # -- the end

    def closing(self, session: Session, error: ScriptError | None) -> ScriptError | None:
        """The error with which a run ends: its own, or the one for which the host stopped it."""
        answers, values = self._log.answers, self._log.values
        if self.replaying and self.stopped is None and session.is_ending_by_itself and (answers or values):
            what = named(answers[0]) if answers else f"what it asked for next, {values[0].name},"
            self.diverged(session, f"the script ended before {what} which it did before")
        return self.stopped or error

    def end(
        self,
        session: Session,
        value: Any,
        rest: tuple[Any, ...],
        error: ScriptError | None,
        *,
        why: Why | None,
        then: Callable[[], None],
    ) -> None:
        """Record how the run ended; ``then()`` is called once that is committed, or has failed.

        ``why`` is why the host ended the run, ``None`` if it ended by itself.
        """
        if self.stopped is not None:
            status = "stopped"
        elif error is None:
            status = "done"
        elif why is None or why == "stopped":
            status = "failed"
        else:
            status = "cancelled" if why == "cancelled" else "interrupted"
        result, given = written(value, rest), session.result
        assert given is not None

        def recorded(lost: HostError | None) -> None:
            self.unrecorded = lost
            if lost is not None and session.result is not None and session.result.error is None:
                text = f"{lost.message}; the script came to its end, which could not be recorded"
                failure = ScriptError(text, kind="journal", script=session.job.script.name, hint=lost.hint, cause=lost)
                session.result = replace(session.result, value=None, exit_status=None, error=failure)
            then()

        with self._lock:
            self._closed = True
            over = self._under_way == 0
        self.journal.end(
            self.run_id, status, printed=max(session.printed, self._log.shown), calls=session.calls, value=result,
            error=error.message if error is not None else None, then=recorded, release=over,
            exit_status=given.exit_status, output=self._output.take(),
            also=self._outcome(status, given, result) if self._outcome is not None else (),
        )  # fmt: skip

    def stop(self, session: Session, error: ScriptError) -> None:
        """End the run with an error of the host; the first such error is kept."""
        if self.stopped is None:
            self.stopped = error
        session.kill("stopped")

    def _fail(self, session: Session, error: HostError) -> None:
        text = f"{error.message}; the run was stopped before it did what could not be recorded"
        self.stop(
            session,
            ScriptError(text, kind="journal", script=session.job.script.name, hint=error.hint, cause=error),
        )

    def diverged(self, session: Session, what: str, line: int | None = None) -> CallError:
        """Stop a run that does something other than its log says; ``what`` names the difference.

        Returns the error to raise in the script.
        """
        command = self.journal.command("resume", self.run_id)
        hint = (
            f"{command} --recorded continues with the script's text as it was recorded; "
            "--force-new starts over, with new keys: what was done so far would be done again"
        )
        text = f"the run does not repeat what it did before: {what}"
        job = session.job
        source = job.script.lines(line) if line is not None else ""
        self.stop(
            session,
            ScriptError(text, kind="diverged", script=job.script.name, line=line, source=source, hint=hint),
        )
        return CancelledCall("the run was stopped")

    # -- records

    def record(
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
        """Add a record for a step. If it cannot be committed the run is stopped, unless ``then`` handles the error."""
        if then is None:

            def then(error: HostError | None) -> None:
                if error is not None:
                    self._fail(session, error)

            waits = urgent
        else:
            waits = True
        self._log.append(kind, step.path, step.n, step.name, line, step.digest, data, then, urgent=waits)


def _open_outcome(call: Call) -> bool:
    """Whether a call was cancelled after it was sent, so that its outcome is not known yet."""
    error = call.reply.error if call.reply is not None else None
    return isinstance(error, CancelledCall) and error.outcome == "unknown"
