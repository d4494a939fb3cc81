"""Sends the calls of one durable run, each change only after it is recorded, and counts the changes in flight."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from host.bridge.request import Reply
from host.calls.call import Call
from host.durable.records import Sent, encode
from host.durable.rehydration import Reopening, Transaction
from host.durable.replay_step import ReplayStep
from host.durable.run_log import RunLog
from host.durable.shown_arguments import shown_arguments
from host.errors import CancelledCall, HostError, ScriptError

if TYPE_CHECKING:
    from host.durable.replay import Durable
    from host.run.session import Session

__all__ = ["CallSender"]


class CallSender:
    """``submit`` sends a call. ``reopening`` knows what must be opened again before a call can be sent."""

    def __init__(self, log: RunLog, submit: Callable[[Call], None]) -> None:
        self._log = log
        self._submit = submit
        self._lock = threading.RLock()
        self._closed = False
        self._under_way = 0  # changes that were sent and whose outcome is not known yet; guarded by the lock
        self.reopening = Reopening()

    def send(self, run: Durable, session: Session, step: ReplayStep) -> None:
        """Send a call, after recording it if it is a change."""
        call = step.call
        assert call is not None
        lost = self.reopening.iterator(call, step.arguments, session.services.pipeline.functions)
        if lost is not None:
            call.deliver_error(lost)
            return
        if not call.mutation:
            self.go(run, session, step)
            return
        self.go_recorded(run, session, step, call)

    def go_recorded(self, run: Durable, session: Session, step: ReplayStep, call: Call) -> None:
        """Record a change as sent, then send it."""
        key = session.services.pipeline.answers.key(call)
        arguments = shown_arguments(step.arguments, session.services.redactor)
        data = encode(Sent(key=None if key is None else key[1], printed=session.printed, arguments=arguments))
        run.record(session, "sent", step, call.line, data, lambda error: self.go(run, session, step, error))

    def go(self, run: Durable, session: Session, step: ReplayStep, error: HostError | None = None) -> None:
        """Send a call, once a change is committed; ``error`` is why it could not be.

        Runs on the journal writer's thread for a change, on the session's for a read.
        """
        call = step.call
        assert call is not None
        if error is not None:
            run.fail(session, error)
            return
        with self._lock:
            if self._closed:
                return
            step.sent = not step.cancelled
            if step.sent and call.mutation:
                call.place = step.path, step.n, step.digest
                self._under_way += 1
        if step.sent:
            lost = self.reopening.transaction(call, step.arguments)
            if lost is None:
                self._submit(call)
            else:
                self._begin_again(run, session, lost, call)
        else:
            before: Any = "unknown" if (step.path, step.n) in self._log.open_before else "not_sent"
            outcome = before if call.mutation else None
            call.deliver_error(CancelledCall(f"{call.name} was cancelled", outcome=outcome))

    def _begin_again(self, run: Durable, session: Session, lost: Transaction, call: Call) -> None:
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
                run.stop(session, ScriptError(text, kind=error.kind, script=script, hint=error.hint, cause=error))
            elif what is not None:
                text = "in the transaction that was open then, this statement gave something else: "
                run.diverged(session, text + what, call.line)
            with self._lock:
                waiting, lost.waiting = lost.waiting, []
                self.reopening.reopened(lost)
            for each in waiting:
                if run.stopped is None:
                    self._submit(each)
                else:
                    each.deliver_error(CancelledCall("the run was stopped", outcome="not_sent"))

        if first:
            session.services.pipeline.function_calls.ask(session, "sql.again", lost.again(), begun)

    def cancel(self, step: ReplayStep, *, replaying: bool) -> bool:
        """Cancel a call; returns whether the session need not cancel it in the pipeline too."""
        with self._lock:
            step.cancelled = True
            if replaying:
                return True  # its answer is in the log, or is given when the run goes live
            return step.call is not None and not step.sent

    def settled(self) -> bool:
        """Note the outcome of a change. Returns whether it was the last one of a run that has ended."""
        with self._lock:
            self._under_way -= 1
            return self._closed and self._under_way == 0

    def close(self) -> bool:
        """Send nothing more. Returns whether the outcome of every change is known."""
        with self._lock:
            self._closed = True
            return self._under_way == 0
