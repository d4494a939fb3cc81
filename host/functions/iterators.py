"""Iterators over Python generators, for ``for row in rows(…) do`` in scripts."""

from __future__ import annotations

import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from host.bridge.threads import Threads
from host.errors import InvalidCall, LimitError, UnexpectedAnswer
from host.functions.invocation import Invocation

__all__ = ["IteratorStep", "Stream", "Streams"]

MOST = 1000  # open iterators in one run
_END = object()


class Stream:
    """A generator, advanced one item at a time: an item is made only when the script asks for it."""

    __slots__ = ("_items", "_same", "_threads", "_were", "invocation")

    def __init__(self, invocation: Invocation, threads: Threads) -> None:
        self.invocation = invocation
        self._threads = threads
        self._items: AsyncIterator[Any] | Iterator[Any] | None = None
        self._were: list[bytes] = []
        self._same: Callable[[Any, bytes], bool] | None = None

    async def item(self, deadline: float) -> tuple[Any] | None:
        """The next item in a tuple, or ``None`` after the last. Raises ``UnexpectedAnswer`` as ``catch_up`` says."""
        self.invocation.context.deadline = deadline
        while self._were and self._same is not None:
            if not self._same(await self._next(), self._were.pop(0)):
                self._were = []
                raise UnexpectedAnswer(
                    f"{self.invocation.context.function}: this iterator was open when the run was interrupted, and "
                    "now gives other items than before",
                    hint="collect its items in a list before changing anything",
                )
        return await self._next()

    def catch_up(self, were: list[bytes], same: Callable[[Any, bytes], bool]) -> None:
        """Skip the items that the interrupted run had already received: ``were``, as recorded.

        ``same(item, recorded)`` compares each; an item that differs makes the next :meth:`item` raise.
        """
        self._were, self._same = were, same

    async def _next(self) -> tuple[Any] | None:
        items = self._items
        if items is None:
            items = self._items = self.invocation()
        if isinstance(items, AsyncIterator):
            try:
                return (await anext(items),)
            except StopAsyncIteration:
                return None
        pull = items
        found = await self._threads.run(lambda: next(pull, _END))
        return None if found is _END else (found,)

    async def aclose(self) -> None:
        """Close the generator, so that its ``finally`` blocks run."""
        self.invocation.cancel()
        items, self._items = self._items, None
        if inspect.isasyncgen(items):
            await items.aclose()
        elif inspect.isgenerator(items):
            await self._threads.run(items.close)


class IteratorStep:
    """A request for one item, as the worker's payload."""

    __slots__ = ("stream",)

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def cancel(self) -> None:
        """Note that the caller no longer waits."""
        self.stream.invocation.cancel()

    async def __call__(self, deadline: float) -> tuple[Any] | None:
        return await self.stream.item(deadline)


class Streams:
    """The open streams of all runs, by run id and number. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, dict[int, Stream]] = {}

    def add(self, run_id: str, stream: Stream) -> int:
        """Add a stream. Returns its number in the run. Raises ``LimitError`` if the run has too many open."""
        with self._lock:
            streams = self._open.setdefault(run_id, {})
            if len(streams) >= MOST:
                raise LimitError(f"the run has {MOST:,} iterators of functions open")
            number = len(streams) + 1
            streams[number] = stream
            return number

    def step(self, run_id: str, number: Any) -> IteratorStep:
        """A request for the next item of a run's stream. Raises ``InvalidCall`` if there is no such stream."""
        stream = self._open.get(run_id, {}).get(number)
        if stream is None:
            raise InvalidCall(f"there is no iterator {number}")
        return IteratorStep(stream)

    def end(self, run_id: str) -> list[Stream]:
        """Remove a run's streams and return them, for the caller to close."""
        if run_id not in self._open:
            return []
        with self._lock:
            return list(self._open.pop(run_id, {}).values())
