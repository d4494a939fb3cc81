"""One run on a worker, from its claim to its outcome."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec

from host.bridge.threads import in_thread
from host.bridge.waiting import settle
from host.durable.database import JournalLost, Statement
from host.durable.journal import BeingRun
from host.durable.journal_writer import TakenOver
from host.errors import HostError, JournalError
from host.fleet import claims
from host.fleet.claims import TakenJob
from host.remote.job import narrowed
from host.remote.result import RemoteResult
from host.run.options import RunOptions
from host.run.script import RunResult, Script

if TYPE_CHECKING:
    from host.durable.runs import DurableRuns, Kept
    from host.fleet.texts import ScriptFolders
    from host.run.job import Why

__all__ = ["Attendance", "Ended", "Left"]


class Killable(Protocol):
    """A run in progress."""

    def kill(self, why: Why) -> None: ...


LONGEST: Final = 60.0  # seconds until a job that could not be run is tried again
_log = logging.getLogger(__name__)

Begin = Callable[["Kept", RunOptions, Callable[[RunResult], None]], Killable]
Ended = Literal["ended", "broken off", "taken over"]


class Left(msgspec.Struct, frozen=True):
    """A job that this worker did not run, with the reason, and the ``seconds`` until it may be tried again.

    ``seconds`` is ``None`` if no worker can ever run it: the run is then stopped with the reason.
    """

    reason: str
    seconds: float | None


class Attendance:
    """The execution of one claimed job. :meth:`attend` runs it, :meth:`end` stops it early.

    ``durable_runs`` and ``begin`` are the host's.
    """

    def __init__(self, claimed: TakenJob, durable_runs: DurableRuns, begin: Begin, needed: Sequence[str]) -> None:
        self.claimed = claimed
        self.status = "done"  # the status the run ended with
        self._durable_runs = durable_runs
        self._begin = begin
        self._needed = needed
        self._run: Killable | None = None
        self._why: Why | None = None

    async def attend(self, folders: ScriptFolders, lock: asyncio.Lock) -> Ended | Left:
        """Run the job; returns whether its outcome is recorded, or why it was not run. Raises ``JournalLost``."""
        claimed = self.claimed
        try:
            return await self._attend(folders, lock)
        except JournalLost:
            raise
        except BeingRun as error:
            return Left(error.message, error.seconds + 0.05)
        except JournalError as error:
            return Left(error.message, min(LONGEST, 2.0 * claimed.attempts))
        except HostError as error:
            return Left(error.message, None)
        except Exception as error:  # else the job would stay with a worker that does nothing about it
            _log.exception("a defect: run %s is left", claimed.run)
            self._durable_runs.journal.release(claimed.run)
            return Left(f"a defect of luahost on this worker: {type(error).__name__}: {error}", LONGEST)

    async def _attend(self, folders: ScriptFolders, lock: asyncio.Lock) -> Ended:
        claimed = self.claimed
        options = claimed.run_options(narrowed(claimed.options))
        async with lock:
            script = await in_thread(lambda: folders.script(claimed.script or "", claimed.text, claimed.modules))
        kept = await in_thread(lambda: self._carry(script))
        if isinstance(kept, RunResult):  # it was resumed and completed outside the fleet
            await in_thread(lambda: self._done_already(kept))
            return "ended"
        ended: asyncio.Future[RunResult] = asyncio.get_running_loop().create_future()
        self._run = self._begin(kept, options, lambda result: settle(ended, result))
        if self._why is not None:
            self._run.kill(self._why)
        await ended
        lost = kept.durable.unrecorded  # type: ignore[attr-defined]
        if lost is None:
            return "ended"
        return "taken over" if isinstance(lost, TakenOver) else "broken off"

    def end(self, why: Why) -> None:
        """Stop the run when it next yields: finally if it was cancelled, else so that another worker can resume it."""
        self._why = self._why or why
        if self._run is not None:
            self._run.kill(why)

    def _carry(self, script: Script) -> Kept | RunResult:
        claimed = self.claimed
        return self._durable_runs.carry(
            script, claimed.texts, claimed.values, claimed.run, fresh=claimed.attempts == 1, batch=claimed.batch,
            apis=self._needed,
            outcome=self._outcome,
        )  # fmt: skip

    def _outcome(self, status: str, result: RunResult, value: bytes) -> Sequence[Statement]:
        """The statements committed with the run's end. Called on the session's thread."""
        self.status = "requeued"
        if result.error is not None and result.error.kind == "journal":
            return claims.requeueing(self.claimed, result.error.message)
        if status == "interrupted" and self._why is not None:
            return claims.requeueing(self.claimed, "its worker was shut down")
        self.status = "failed" if status == "interrupted" else status  # interrupted: its time limit was reached
        return claims.ending(self.claimed, self.status, RemoteResult.of(result, value))

    def _done_already(self, result: RunResult) -> None:
        made = claims.ending(self.claimed, "done", RemoteResult.of(result))
        self._durable_runs.journal.write_now(made)
