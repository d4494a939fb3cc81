"""A durable run: its changes are recorded in the journal before they are sent, and answered from it on resumption.

Between two answers a script is deterministic: the host records everything else that varies (times, random seeds,
modules, input), and ``prelude/durable.lua`` gives tables a fixed order. So the same script, given the same answers in
the same order, makes the same calls; a call that differs is detected and ends the run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec.structs import replace

from host.bridge.request import Reply
from host.calls.call import Call
from host.durable.call_sender import CallSender
from host.durable.going_live import GoingLive
from host.durable.journal import Journal
from host.durable.journal_writer import UnderWay
from host.durable.kept_output import OutputKeeper
from host.durable.recorded_answers import Recalled, reply_of
from host.durable.recorded_tools import RecordedTools
from host.durable.records import Record, RecordedReply, Sent, decode_reply, encode
from host.durable.replay_step import ReplayStep, changed, digest_of, named
from host.durable.run_end import Outcome, RunEnd, status_of
from host.durable.run_log import RunLog
from host.errors import CallError, CancelledCall, HostError, ScriptError
from host.http.idempotency import derived_key
from host.lua import protocol as p
from host.policy.quota import settle

if TYPE_CHECKING:
    from host.run.builtins import Tools
    from host.run.job import Why
    from host.run.session import Session

SLEEP_NAME: Final = "sleep"


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
        self._label = run_id if generation == 1 else f"{run_id}~{generation}"
        self._end = RunEnd(journal, run_id, outcome)
        self.steps: dict[int, ReplayStep] = {}  # by the call's id
        self.places: dict[tuple[str, int], ReplayStep] = {}
        self.replaying = bool(log)
        self._log = RunLog(journal, run_id, log or [], printed)
        self.sender = CallSender(self._log, submit)
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
            self.sender.reopening.opened(call.reply.value)

    def cancel(self, session: Session, id: int) -> bool:
        """Cancel a call; returns whether the session need not cancel it in the pipeline too."""
        step = self.steps.get(id)
        if step is None:
            return True
        return self.sender.cancel(step, replaying=self.replaying)

    def _hold(self, session: Session, step: ReplayStep) -> None:
        if not self.replaying:
            self.sender.send(self, session, step)

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
        if self.sender.settled():
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
            self.sender.reopening.note_reply(step.call, step.arguments, recorded)
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

    @property
    def unrecorded(self) -> HostError | None:
        """Why the run's end is not in the journal."""
        return self._end.unrecorded

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
        self._end.record(
            session,
            (value, rest),
            status_of(error, why, stopped=self.stopped is not None),
            error,
            release=self.sender.close(),
            printed=max(session.printed, self._log.shown),
            output=self._output.take(),
            then=then,
        )

    def stop(self, session: Session, error: ScriptError) -> None:
        """End the run with an error of the host; the first such error is kept."""
        if self.stopped is None:
            self.stopped = error
        session.kill("stopped")

    def fail(self, session: Session, error: HostError) -> None:
        """Stop the run because a record cannot be committed."""
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
                    self.fail(session, error)

            waits = urgent
        else:
            waits = True
        self._log.append(kind, step.path, step.n, step.name, line, step.digest, data, then, urgent=waits)


def _open_outcome(call: Call) -> bool:
    """Whether a call was cancelled after it was sent, so that its outcome is not known yet."""
    error = call.reply.error if call.reply is not None else None
    return isinstance(error, CancelledCall) and error.outcome == "unknown"
