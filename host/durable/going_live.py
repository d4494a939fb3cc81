"""The end of a resumed run's log: what happens with calls that were in flight is decided, and the run goes live."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from host.calls.call import Call
from host.durable.in_doubt import answer_of, in_doubt_error, skipped_error
from host.durable.recorded_answers import Recalled, reply_of
from host.durable.records import Decided, RecordedReply, Sent, decode_reply, decode_sent, encode
from host.durable.rehydration import undone_by_its_end
from host.durable.replay_step import ReplayStep, named
from host.durable.run_log import RunLog
from host.errors import CancelledCall, LimitError
from host.lua import protocol as p
from host.policy.quota import readmit, settle

if TYPE_CHECKING:
    from host.durable.replay import Durable
    from host.run.session import Session

__all__ = ["GoingLive"]

KEY_LIFE: Final = 23 * 3600.0
"""Seconds for which an idempotency key is certainly honoured: Stripe documents 24 hours
(docs.stripe.com/api/idempotent_requests); one hour is left for clocks that differ."""
CLOCK_SLACK: Final = 300.0  # seconds by which a clock may go back before the age of a key is considered unknown


class GoingLive:
    """Ends the replay of one run.

    ``in_doubt`` (``ask``, ``repeat`` or ``skip``) is the decision for the calls in doubt that have none in the log;
    with ``ask`` the run is stopped.
    """

    def __init__(self, log: RunLog, in_doubt: str) -> None:
        self._log = log
        self._in_doubt = in_doubt
        self._repeated: set[int] = set()  # calls that are repeated by a decision, until they have their answers
        self._held_back: list[Callable[[], None]] = []  # answers to give the script after that

    def begin(self, run: Durable, session: Session) -> None:
        """After the last recorded answer: decide the calls in doubt, and continue all calls without an answer."""
        missing = [self._log.sent[place] for place in self._log.open_before if place not in run.places]
        if missing:
            first = min(missing, key=lambda record: record.seq)
            run.diverged(session, f"the script no longer makes {named(first)}")
            return
        if self._log.values:
            name = self._log.values[0].name.partition(":")[2] or self._log.values[0].name
            run.diverged(session, f"the script no longer asks for {name}, as it did before")
            return
        doubtful = [step for step in run.steps.values() if self._needs_decision(run, step)]
        if doubtful and self._in_doubt == "ask":
            doubtful.sort(key=lambda step: self._log.sent[step.path, step.n].seq)
            sent = [(step, self._log.sent[step.path, step.n]) for step in doubtful]
            run.stop(session, in_doubt_error(session, sent, run.journal, run.run_id))
            return
        run.replaying = False
        for step in doubtful:
            decision = self._log.decided[step.path, step.n] = Decided(self._in_doubt, all=True)
            line = step.call.line if step.call is not None else None
            run.record(session, "decided", step, line, encode(decision))
        steps = [(step, self._log.decided.get((step.path, step.n))) for step in run.steps.values()]
        self._repeated = {
            step.id
            for step, decided in steps
            if decided is not None and decided.word == "repeat" and (step.path, step.n) not in self._log.late
        }
        for step, decided in steps:
            self._revive(run, session, step, decided)

    def _needs_decision(self, run: Durable, step: ReplayStep) -> bool:
        """Whether a call was sent, its outcome is unknown, and repeating it might perform the change twice."""
        before = self._log.sent.get((step.path, step.n))
        if before is None or step.call is None or (step.path, step.n) in self._log.late:
            return False
        if (step.path, step.n) in self._log.decided:
            return False
        if undone_by_its_end(step.name, step.arguments):
            return False
        if decode_sent(before.data).key is None:
            return True
        age = run.journal.clock() - before.at
        return not -CLOCK_SLACK <= age <= KEY_LIFE

    def _revive(self, run: Durable, session: Session, step: ReplayStep, decided: Decided | None) -> None:
        """Continue a call or sleep that has no answer."""
        before = self._log.sent.get((step.path, step.n))
        late = self._log.late.get((step.path, step.n))
        if step.call is None:
            passed = max(0.0, run.journal.clock() - before.at) if before is not None else 0.0
            if before is None:
                run.record(session, "sent", step, None, encode(Sent(seconds=step.seconds, printed=session.printed)))
            run.ring(session, step, max(0.0, step.seconds - passed))
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
            self._recall(run, session, step, call, decode_reply(late.data))
        elif before is not None and decided is not None:
            self._decide(run, session, step, call, decided)
        elif before is not None:
            if (step.path, step.n) not in self._log.refused:
                session.services.pipeline.answers.recall(call, None)
            run.sender.go(run, session, step)
        else:
            try:
                call.reservations = readmit(call.reservations, call.name)
            except LimitError as error:
                call.reservations = ()
                call.deliver_error(error)
                return
            run.sender.send(run, session, step)

    def _decide(self, run: Durable, session: Session, step: ReplayStep, call: Call, decided: Decided) -> None:
        """Carry out the decision on a call in doubt."""
        if decided.word == "repeat":  # recorded once more, so that it is in doubt anew if it is interrupted again
            session.services.pipeline.answers.recall(call, None)
            run.sender.go_recorded(run, session, step, call)
        elif decided.word == "skip":
            error = skipped_error(step, call, run.journal, run.run_id)
            self._hold_back(lambda: call.deliver_error(error))
        else:
            self._recall(run, session, step, call, RecordedReply(p.VALUE, *answer_of(call, decided.value)))

    def _recall(self, run: Durable, session: Session, step: ReplayStep, call: Call, recorded: RecordedReply) -> None:
        """Give the script an answer that is known already."""
        reply = reply_of(call, recorded)
        settle(call.reservations, reply)
        session.services.pipeline.answers.recall(call, reply)
        item = Recalled(step.id, recorded.status, recorded.a, recorded.b)
        self._hold_back(lambda: session.services.runners.post(session, item))

    def _hold_back(self, deliver: Callable[[], None]) -> None:
        """Give the script an answer only once all repeated calls have theirs: it might cancel those on receiving it."""
        if self._repeated:
            self._held_back.append(deliver)
        else:
            deliver()

    def through(self, id: int) -> None:
        """Note that a call has its answer."""
        if not self._repeated:
            return
        self._repeated.discard(id)
        if not self._repeated:
            held_back, self._held_back = self._held_back, []
            for deliver in held_back:
                deliver()
