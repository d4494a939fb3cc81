"""Polls the API for its events, for machines that no sender can reach."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import msgspec

from host.errors import HostError, InvalidCall, UnexpectedAnswer
from host.webhooks.event import STRIPE, ReceivedEvent
from host.webhooks.inbox import Inbox

__all__ = ["Ask", "Poller"]

Ask = Callable[[dict[str, Any]], Awaitable[Any]]
"""Takes the parameters of a request, and returns one page of the API's list of events, newest first, unchecked."""

OVERLAP: Final = 300  # seconds that are fetched again, since the API may list an event after one that is newer
PAGE: Final = 100  # events a page
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class Poller:
    """Adds new events to ``inbox`` every ``interval`` seconds, and calls ``came()`` when it has added some.

    The first poll begins at ``since`` (seconds since 1970); with ``None`` it begins after the newest event of the API,
    by the sender's clock rather than this machine's. The time reached is recorded only once all events up to it are
    in the inbox, so that none is skipped. ``polled()`` is called after each poll: events after the first are new.
    """

    def __init__(
        self,
        inbox: Inbox,
        ask: Ask,
        *,
        interval: float,
        since: float | None,
        came: Callable[[], None],
        polled: Callable[[], None] = lambda: None,
    ) -> None:
        self._inbox = inbox
        self._ask = ask
        self._interval = interval
        self._since = since
        self._came = came
        self._polled = polled

    async def run(self) -> None:
        """Poll until cancelled. A poll that fails is logged and repeated at the next interval."""
        while True:
            try:
                await self.once()
            except HostError as error:
                _log.warning("the events could not be fetched: %s", error.message)
            except Exception:  # a fault of the host's own: later polls may succeed
                _log.exception("the events could not be fetched")
            finally:
                self._polled()
            await asyncio.sleep(self._interval)

    async def once(self) -> int:
        """Fetch the events since the last time. Returns how many events the API listed."""
        seen = await asyncio.to_thread(self._inbox.seen)
        if seen is None:
            seen = await self._begin()
        newest, listed = seen, 0
        async for events in self._pages({"created": {"gte": max(0, int(seen - OVERLAP))}}):
            await self._inbox.add(events)
            self._came()
            listed += len(events)
            now = time.time()  # events of a test clock may have future times; later real events have earlier ones
            newest = max([newest, *(each.created for each in events if each.created <= now)])
        await self._inbox.see(newest)
        return listed

    async def _begin(self) -> float:
        """Record the events of the overlap before the beginning as done, since later polls list them again."""
        begin, asked, until = self._since, {}, {}
        if begin is None:
            begin = 0.0
            for newest in _events(await self._ask({"limit": 1}))[0][:1]:
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
            events, more = _events(await self._ask(asked))
            if events and events[-1].id == asked.get("starting_after"):
                raise _unexpected(f"the page after {events[-1].id} ends with the same event")
            if events:
                yield events
            if not more or not events:
                return
            asked = {**asked, "starting_after": events[-1].id}


def _events(page: Any) -> tuple[list[ReceivedEvent], bool]:
    """The events of a page, and whether there are more. Raises ``UnexpectedAnswer`` if it is not such a page."""
    listed = page.get("data") if isinstance(page, dict) else None
    if not isinstance(listed, list):
        raise _unexpected("there is no list in data")
    found = []
    for each in listed:
        try:
            event = ReceivedEvent.read(_encode(each), STRIPE)
        except InvalidCall as error:
            raise _unexpected(error.message) from None
        if event.created <= 0:
            raise _unexpected(f"the event {event.id} has no time at created")
        found.append(event)
    return found, bool(page.get("has_more"))


def _unexpected(fault: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(f"the answer is not a page of the API's events: {fault}")
