"""A queue that serves its sources in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """First in, first out for each source; among the sources, one item each in turn.

    ``put``, ``take`` and ``remove`` belong to one thread. ``len`` and ``heads`` may be asked from any.
    """

    def __init__(self) -> None:
        # An insertion-ordered dict is the round: the first source is next, and goes to the end.
        self._sources: dict[object, dict[T, None]] = {}
        self._turns: deque[object] = deque()
        self.size = 0

    def __len__(self) -> int:
        return self.size

    def put(self, source: object, item: T) -> None:
        items = self._sources.get(source)
        if items is None:
            self._sources[source] = {item: None}
            self._turns.append(source)
        else:
            items[item] = None
        self.size += 1

    def take(self) -> T:
        """The next item; ``IndexError`` if there is none."""
        while True:
            source = self._turns.popleft()
            items = self._sources.get(source)
            if items:
                break
            self._sources.pop(source, None)  # all of its items were removed
        item = next(iter(items))
        del items[item]
        self.size -= 1
        if items:
            self._turns.append(source)
        else:
            del self._sources[source]
        return item

    def remove(self, source: object, item: T) -> None:
        """Remove one item, wherever it is in its source's queue."""
        del self._sources[source][item]
        self.size -= 1
        if not self.size:  # forget the emptied sources too, which take() would otherwise pass over
            self._sources.clear()
            self._turns.clear()

    def heads(self) -> Iterator[T]:
        """The first item of every source: among them is the oldest of all."""
        for items in list(self._sources.values()):
            try:
                yield next(iter(items))
            except (StopIteration, RuntimeError):  # taken meanwhile, on the queue's own thread
                continue
