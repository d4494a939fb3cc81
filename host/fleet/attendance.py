"""One run on a worker, from its claim to its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from host.bridge.threads import in_thread
from host.bridge.waiting import settle
from host.durable.database import JournalLost, Statement
from host.durable.journal import BeingRun
from host.durable.journal_writer import TakenOver
from host.errors import HostError, JournalError, ScriptError
from host.fleet import claims
from host.fleet.claims import TakenJob
from host.fleet.jobs import error_text
from host.fleet.printing import OutputKeeper
from host.limits import Limits
from host.lua.values import from_lua
from host.policy.budget import Budget
from host.policy.permissions import Permissions
from host.run.options import RunOptions
from host.run.result_type import written
from host.run.script import RunResult, Script

if TYPE_CHECKING:
    from host.durable.runs import DurableRuns, Kept
    from host.fleet.texts import ScriptFolders
    from host.run.job import Why
    from host.run.session import Session

__all__ = ["Attendance", "Ended", "Left"]


class Killable(Protocol):
    """A run in progress."""

    def kill(self, why: Why) -> None: ...


Begin = Callable[["Kept", RunOptions, Callable[[RunResult], None]], Killable]
Ended = Literal["ended", "broken off", "taken over"]


class Left(msgspec.Struct, frozen=True):
    """A job that was not done here, why, and for how many seconds it is to be left. ``seconds`` ``None``: it never can
    be, and the run is stopped with the reason.
    """

    reason: str
    seconds: float | None


class Attendance:
    """``durable_runs`` and ``begin`` are the host's. :meth:`attend` runs the run, :meth:`end` ends it."""

    def __init__(self, claimed: TakenJob, durable_runs: DurableRuns, begin: Begin, needed: Sequence[str]) -> None:
        self.claimed = claimed
        self.output = OutputKeeper(0)
        self.status = "done"  # what it ended with
        self._durable_runs = durable_runs
        self._begin = begin
        self._needed = needed
        self._run: Killable | None = None
        self._why: Literal["cancelled", "drained"] | None = None

    async def attend(self, folders: ScriptFolders, lock: asyncio.Lock) -> Ended | Left:
        """Run it; gives whether its outcome is recorded, or why it was left. Raises ``JournalLost``."""
        claimed = self.claimed
        try:
            options = _options(claimed.options, self, claimed.traceparent)
            async with lock:
                script = await in_thread(lambda: folders.script(claimed.script or "", claimed.text, claimed.modules))
            kept = await in_thread(lambda: self._carry(script))
        except JournalLost:
            raise
        except BeingRun as error:
            return Left(error.message, error.seconds + 0.05)
        except JournalError as error:
            return Left(error.message, min(60.0, 2.0 * claimed.attempts))
        except HostError as error:
            return Left(error.message, None)
        if isinstance(kept, RunResult):  # somebody resumed it without the fleet
            await in_thread(lambda: self._done_already(kept))
            return "ended"
        self.output = OutputKeeper(kept.durable.shown)  # type: ignore[attr-defined]
        ended: asyncio.Future[RunResult] = asyncio.get_running_loop().create_future()
        self._run = self._begin(kept, options, lambda result: settle(ended, result))
        if self._why is not None:
            self._run.kill("interrupted")
        await ended
        lost = kept.durable.unrecorded  # type: ignore[attr-defined]
        if lost is None:
            return "ended"
        return "taken over" if isinstance(lost, TakenOver) else "broken off"

    def emit(self, event: Any) -> None:
        """As a sink of the run."""
        self.output.emit(event)

    def end(self, why: Literal["cancelled", "drained"]) -> None:
        """End the run as soon as it yields: for good, or for another worker to go on with."""
        self._why = self._why or why
        if self._run is not None:
            self._run.kill("interrupted")

    def _carry(self, script: Script) -> Kept | RunResult:
        claimed = self.claimed
        args, globals = from_lua(claimed.args), from_lua(claimed.globals)
        return self._durable_runs.carry(
            script, args, globals, claimed.run, fresh=claimed.attempts == 1, batch=claimed.batch, apis=self._needed,
            outcome=self._outcome,
        )  # fmt: skip

    def _outcome(self, session: Session, status: str, error: ScriptError | None, value: bytes) -> Sequence[Statement]:
        """What is committed with the run's end. On the session's thread."""
        printed = self.output.take()
        self.status = "requeued"
        if error is not None and error.kind == "journal":
            return claims.requeueing(self.claimed, printed, error.message)
        if status == "interrupted" and self._why != "cancelled":
            return claims.requeueing(self.claimed, printed, "its worker was shut down")
        result = session.result
        self.status = "cancelled" if status == "interrupted" else status
        return claims.ending(
            self.claimed,
            self.status,
            printed,
            None if error is None else error_text(error),
            value,
            exit_status=None if result is None else result.exit_status,
            calls=session.calls,
            seconds=0.0 if result is None else result.duration,
            simulated=session.services.simulated,
        )

    def _done_already(self, result: RunResult) -> None:
        made = claims.ending(
            self.claimed, "done", (0, b""), None, written(result.value, result.rest), exit_status=result.exit_status,
            calls=result.calls, seconds=result.duration, simulated=result.simulated,
        )  # fmt: skip
        self._durable_runs.journal.write_now(made)


def _options(said: Mapping[str, Any], sink: Any, traceparent: str | None) -> RunOptions:
    """The run's own limits, which narrow the worker's. Raises ``UsageError``."""
    return RunOptions(
        timeout=said.get("timeout"),
        limits=Limits(**said["limits"]) if "limits" in said else None,
        permissions=Permissions(**said["permissions"]) if "permissions" in said else None,
        budget=Budget(**said["budget"]) if "budget" in said else None,
        sinks=[sink],
        traceparent=traceparent,
    )
