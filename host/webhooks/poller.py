"""Asks the API for its events, for machines that no sender can reach."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
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

    ``since``: from when on at the first time, in seconds since 1970. What was asked for is noted only when all of it is
    in the inbox, so that nothing is passed over.
    """

    def __init__(self, inbox: Inbox, ask: Ask, *, interval: float, since: float, came: Callable[[], None]) -> None:
        self._inbox = inbox
        self._ask = ask
        self._interval = interval
        self._since = since
        self._came = came

    async def run(self) -> None:
        """Ask until cancelled; what fails is asked for again."""
        while True:
            try:
                await self.once()
            except HostError as error:
                _log.warning("the events could not be asked for: %s", error.message)
            await asyncio.sleep(self._interval)

    async def once(self) -> int:
        """Ask for what came since the last time; gives how many events the API told."""
        seen = await asyncio.to_thread(self._inbox.seen)
        since = self._since if seen is None else seen - OVERLAP
        if seen is None:
            await self._inbox.see(self._since)
        newest, told = since, 0
        asked: dict[str, Any] = {"limit": PAGE, "created": {"gte": int(since)}}
        while True:
            page = await self._ask(asked)
            events = [ReceivedEvent.read(_encode(each), STRIPE) for each in page["data"]]
            await self._inbox.add(events)
            if events:
                self._came()
                told += len(events)
                newest = max(newest, *(each.created for each in events))
            if not page.get("has_more") or not events:
                break
            asked = {**asked, "starting_after": events[-1].id}
        await self._inbox.see(newest)
        return told
