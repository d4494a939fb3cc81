"""Handles the events of an inbox, a limited number at a time, and retries after a delay."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Literal, Protocol

import msgspec

from host.errors import ClosedError, HostError, JournalError, ScriptError
from host.webhooks.inbox import DueEvent, Inbox

__all__ = ["Dispatcher", "Ended", "Handled", "Retry"]

IDLE: Final = 5.0  # seconds after which the inbox is read without being woken: other processes may have added to it
ELSEWHERE: Final = 5.0  # seconds before an event that another process is handling is looked at again
LONGEST_DELAY: Final = 24 * 3600.0  # seconds between two attempts
_NOT_ENDED = frozenset({"interrupted", "closed", "journal"})  # kinds that say nothing about the handler
_FOR_PEOPLE = frozenset({"in doubt", "cancelled"})  # kinds that another attempt does not help: somebody decides or has
_log = logging.getLogger(__name__)


class Handled(Protocol):
    """The result of a handler's run, such as a ``RunResult``."""

    @property
    def error(self) -> ScriptError | None: ...

    @property
    def run_id(self) -> str: ...


class Retry(msgspec.Struct, frozen=True):
    """``attempts`` is the total number; ``delay`` is the seconds before the second one, doubled each time."""

    attempts: int = 5
    delay: float = 10.0

    def after(self, failed: int) -> float:
        """Seconds to wait after ``failed`` failed attempts."""
        return float(min(self.delay * 2 ** min(failed - 1, 60), LONGEST_DELAY))


class Ended(msgspec.Struct, frozen=True):
    """The outcome of an attempt: ``done``, ``again`` (retried in ``seconds``) or ``failed`` (given up)."""

    event: DueEvent
    how: Literal["done", "again", "failed"]
    error: ScriptError | None = None
    seconds: float = 0.0


class Dispatcher:
    """Runs ``handle(event)`` for each due event, and calls ``tell(ended)`` with the outcome of each attempt."""

    def __init__(
        self,
        inbox: Inbox,
        handle: Callable[[DueEvent], Awaitable[Handled]],
        *,
        concurrency: int,
        retry: Retry,
        ordered: bool,
        tell: Callable[[Ended], None],
    ) -> None:
        self._inbox = inbox
        self._handle = handle
        self._concurrency = concurrency
        self._retry = retry
        self._ordered = ordered
        self._tell = tell
        self._active: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Look for due events now. Call it on the dispatcher's loop."""
        self._changed.set()

    async def run(self) -> None:
        """Handle due events until :meth:`stop`."""
        while not self._stopping:
            self._changed.clear()
            wait = IDLE
            try:
                wait = await self._take()
            except JournalError as error:  # the events are in the journal: they are late, not lost
                _log.warning("the inbox %s cannot be read: %s", self._inbox.name, error.message)
            except Exception:  # a fault of the host's own: later events are handled all the same
                _log.exception("the inbox %s cannot be read", self._inbox.name)
            if wait > 0 and not self._stopping:
                try:
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
                except TimeoutError:
                    continue

    async def stop(self, grace: float) -> None:
        """Begin no more events, wait up to ``grace`` seconds for those in progress, and cancel the rest."""
        self._stopping = True
        self._changed.set()
        if self._active:
            await asyncio.wait(self._active.values(), timeout=grace)
        for task in list(self._active.values()):
            task.cancel()

    async def _take(self) -> float:
        """Begin as many due events as there is room for. Returns the seconds until there may be more."""
        room = self._concurrency - len(self._active)
        if room <= 0:
            return IDLE
        due = await asyncio.to_thread(self._inbox.due, self._concurrency, ordered=self._ordered)
        for event in [each for each in due if each.id not in self._active][:room]:
            self._active[event.id] = asyncio.create_task(self._attend(event))
        if len(self._active) >= self._concurrency:
            return IDLE
        upcoming = await asyncio.to_thread(self._inbox.next_due)
        if upcoming is None or self._active:  # the end of an active one wakes the loop
            return IDLE
        return min(IDLE, max(upcoming, 0.01))

    async def _attend(self, event: DueEvent) -> None:
        try:
            await self._try(event)
        except ClosedError:
            return
        except HostError as error:
            _log.warning("%s cannot be handled now: %s", event.id, error.message)
            await asyncio.sleep(ELSEWHERE)
        except Exception:  # a fault of the host's own: it is tried again later, without taking up the machine
            _log.exception("%s cannot be handled now", event.id)
            await asyncio.sleep(ELSEWHERE)
        finally:
            self._active.pop(event.id, None)
            self._changed.set()

    async def _try(self, event: DueEvent) -> None:
        result = await self._handle(event)
        error = result.error
        if error is None:
            await self._inbox.end(event)
            self._tell(Ended(event, "done"))
        elif error.kind in _NOT_ENDED:
            if not self._stopping:
                await self._inbox.leave(event, ELSEWHERE)
        elif event.attempts + 1 >= self._retry.attempts or error.kind in _FOR_PEOPLE:
            await self._inbox.give_up(event, result.run_id)
            self._tell(Ended(event, "failed", error))
        else:
            seconds = self._retry.after(event.attempts + 1)
            await self._inbox.put_off(event, seconds)
            self._tell(Ended(event, "again", error, seconds))
