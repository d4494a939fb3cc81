"""The handle of a submitted run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from time import monotonic, sleep
from typing import Any, Final

from host import arguments
from host.bridge.threads import in_thread
from host.durable.database import JournalLost
from host.errors import UsageError
from host.fleet import jobs
from host.fleet.database import FleetDatabase
from host.limits import is_seconds
from host.run.script import RunResult

__all__ = ["RunHandle"]

FIRST: Final = 0.02  # seconds until the first poll; each further interval is 1.5 times as long
LONGEST: Final = 0.5  # seconds, the maximum interval


class RunHandle:
    """A submitted run, identified by ``run_id``.

    ``handle.result()`` waits for its result; ``await handle`` does so without blocking the loop. Abandoning the wait
    does not affect the run; :meth:`cancel` ends it.
    """

    def __init__(self, run_id: str, database: FleetDatabase, check: Callable[[], None]) -> None:
        self.run_id = run_id
        self._database = database
        self._check = check

    @property
    def status(self) -> str:
        """``queued``, ``running``, ``done``, ``failed``, ``stopped`` or ``cancelled``."""
        return self._row().status

    def result(self, timeout: float | None = None) -> RunResult:
        """Wait at most ``timeout`` seconds for the run's end; returns its result, whose ``error`` is set if it failed.

        Raises ``TimeoutError`` with the reason why the run still waits, if known, such as a lack of suitable workers.
        """
        self._check()
        for seconds in self._waits(timeout):
            found = self._look()
            if found is not None:
                return found
            sleep(seconds)
        raise self._late(timeout)

    def __await__(self) -> Generator[Any, None, RunResult]:
        return self._wait().__await__()

    async def _wait(self) -> RunResult:
        for seconds in self._waits(None):
            found = await in_thread(self._look)
            if found is not None:
                return found
            await asyncio.sleep(seconds)
        raise AssertionError("it waits for as long as it takes")

    def cancel(self) -> bool:
        """Cancel the run, or have its worker end it; returns False if it had ended already."""
        try:
            jobs.cancel(self._database, self.run_id)
        except UsageError:
            return False
        return True

    def __repr__(self) -> str:
        return f"<RunHandle {self.run_id}>"

    def _waits(self, timeout: float | None) -> Generator[float, None, None]:
        if timeout is not None and timeout != 0 and not is_seconds(timeout):
            raise arguments.wrong("timeout", timeout, "seconds from 0, at most a year")
        until = None if timeout is None else monotonic() + timeout
        seconds = FIRST
        while True:
            left = LONGEST if until is None else max(0.0, until - monotonic())
            yield min(seconds, left)
            if left == 0.0:
                return
            seconds = min(LONGEST, seconds * 1.5)

    def _look(self) -> RunResult | None:
        """The result, or ``None`` if there is none yet or the database is temporarily unavailable."""
        try:
            found = self._row()
            return jobs.result(self._database, found) if found.has_ended else None
        except JournalLost:
            return None

    def _row(self) -> jobs.JobRow:
        found = jobs.job(self._database, self.run_id)
        if found is None:
            raise UsageError(f"run {self.run_id} is not kept any more: its time is over, or it was deleted")
        return found

    def _late(self, timeout: float | None) -> TimeoutError:
        try:
            found = self._row()
        except JournalLost as error:
            return TimeoutError(f"run {self.run_id}: after {timeout:g} s: {error.message}")
        why = jobs.waiting(self._database, found)
        where = f" by {found.worker}" if found.status == "running" else ""
        return TimeoutError(
            f"run {self.run_id} is {found.status}{where} after {timeout:g} s{f': {why}' if why else ''}"
        )
