"""Asks the API for its events, for machines that no sender can reach."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import msgspec

from host.errors import HostError
from host.webhooks.event import STRIPE, ReceivedEvent
from host.webhooks.inbox import Inbox

__all__ = ["Ask", "Poller"]

Ask = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""One page of the API's list of events, newest first, for the parameters."""

OVERLAP: Final = 300  # seconds before what was seen last: an event may be listed after one that is newer
PAGE: Final = 100
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class Poller:
    """Takes what is new into ``inbox``, every ``interval`` seconds.

    ``since``: from when on at the first time, in seconds since 1970; ``None``: after the newest event there is, by the
    sender's clock and not by ours. What was asked for is noted only when all of it is in the inbox, so that nothing is
    passed over. ``asked()`` is called after each time: what comes after the first is new.
    """

    def __init__(
        self,
        inbox: Inbox,
        ask: Ask,
        *,
        interval: float,
        since: float | None,
        came: Callable[[], None],
        asked: Callable[[], None] = lambda: None,
    ) -> None:
        self._inbox = inbox
        self._ask = ask
        self._interval = interval
        self._since = since
        self._came = came
        self._asked = asked

    async def run(self) -> None:
        """Ask until cancelled; what fails is asked for again."""
        while True:
            try:
                await self.once()
            except HostError as error:
                _log.warning("the events could not be asked for: %s", error.message)
            finally:
                self._asked()
            await asyncio.sleep(self._interval)

    async def once(self) -> int:
        """Ask for what came since the last time; returns how many events the API listed."""
        seen = await asyncio.to_thread(self._inbox.seen)
        if seen is None:
            seen = await self._begin()
        newest, told = seen, 0
        async for events in self._pages({"created": {"gte": max(0, int(seen - OVERLAP))}}):
            await self._inbox.add(events)
            self._came()
            told += len(events)
            now = time.time()  # a test clock's events are dated ahead: what happens next has an earlier time
            newest = max([newest, *(each.created for each in events if each.created <= now)])
        await self._inbox.see(newest)
        return told

    async def _begin(self) -> float:
        """Note what was before the beginning as done: later questions reach back to it."""
        begin, asked, until = self._since, {}, {}
        if begin is None:
            begin = 0.0
            for newest in _events(await self._ask({"limit": 1})):
                begin, asked = min(newest.created, time.time()), {"starting_after": newest.id}
                await self._inbox.add([newest], status="done")
        else:
            until = {"lt": int(begin)}
        if begin > 0:
            since = max(0, int(begin - OVERLAP))
            async for events in self._pages({**asked, "created": {"gte": since, **until}}):
                await self._inbox.add(events, status="done")
        await self._inbox.see(begin)
        return begin

    async def _pages(self, asked: dict[str, Any]) -> AsyncIterator[list[ReceivedEvent]]:
        asked = {"limit": PAGE, **asked}
        while True:
            page = await self._ask(asked)
            events = _events(page)
            if events:
                yield events
            if not page.get("has_more") or not events:
                return
            asked = {**asked, "starting_after": events[-1].id}


def _events(page: dict[str, Any]) -> list[ReceivedEvent]:
    return [ReceivedEvent.read(_encode(each), STRIPE) for each in page["data"]]
