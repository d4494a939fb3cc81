"""A worker that is stopped anywhere for longer than its lease: in which order its thread and its loop go on is chance.

The real classes on a real database, without threads: each step of a worker's thread, each message that its loop takes
and each answer is one that the test makes, in any order.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import Any

import pytest

from host.fleet.permits import FleetLimits
from host.http.limiter import HttpLimits
from tests.fleet.machines import rows

TOTAL = 4
LEASE, LONGEST = 12.0, 4.0


class Worker:
    """``under_way`` are its calls that are not answered yet, ``answered`` those whose answer its loop has not heard."""

    def __init__(self, url: str, host: str, clock: Any) -> None:
        self.limits = FleetLimits(url, HttpLimits(in_flight_per_host=TOTAL), lease=LEASE, longest=LONGEST, clock=clock)
        self._clock = clock
        self._inbox: deque[Any] = deque()
        self.limits._receiver = self._inbox.append
        self.limits._wait = lambda database, until: None  # type: ignore[method-assign]
        permits = self.limits.limiter.permits(host)
        assert permits is not None
        self.permits = permits
        self.calls: list[asyncio.Task[Any]] = []
        self.under_way = self.answered = 0

    def thread(self) -> None:
        """A round of the thread."""
        assert self.limits._database is not None
        self.limits._round(self.limits._database)

    def hear(self) -> None:
        """The loop takes a message of the thread."""
        if self._inbox:
            self.limits.limiter.receive(self._inbox.popleft(), self._clock())

    def begin(self) -> None:
        """A call begins, or waits."""
        if len(self.calls) < 8:
            self.calls.append(asyncio.create_task(self._call()))

    async def _call(self) -> None:
        await self.permits.acquire()
        self.under_way += 1

    def answer(self) -> None:
        """The server answers a call."""
        if self.under_way:
            self.under_way -= 1
            self.answered += 1

    def end(self) -> None:
        """The loop hears of an answer."""
        if self.answered:
            self.answered -= 1
            self.permits.release()

    async def step(self, chance: random.Random) -> None:
        chance.choice([self.thread, self.thread, self.hear, self.hear, self.begin, self.answer, self.end])()
        await asyncio.sleep(0)

    async def close(self) -> None:
        for each in self.calls:
            each.cancel()
        await asyncio.gather(*self.calls, return_exceptions=True)
        self.limits.close()


@pytest.mark.parametrize("seed", range(60))
async def test_permits_of_a_stopped_worker_are_used_by_one_worker_at_a_time(url: str, seed: int) -> None:
    """However its steps are ordered before and after the stop, there are never more requests in flight than permits."""
    chance, now = random.Random(seed), 1000.0
    stopped, other = (Worker(url, f"host-{seed}", lambda: now) for _ in range(2))
    both = [stopped, other]

    async def go(workers: list[Worker], steps: int) -> None:
        for _ in range(steps):
            await chance.choice(workers).step(chance)
            assert sum(each.under_way for each in both) <= TOTAL, "requests in flight"

    await go([stopped], 12)
    await go(both, chance.randrange(30))
    while stopped.under_way:  # the answers come while it is stopped
        stopped.answer()
    now += LEASE / 2
    await go([other], 6)
    other.limits._beat(other.limits._database)  # type: ignore[arg-type]
    now += LEASE / 2 + 1
    rows(url, "UPDATE luahost_permit_member SET expires = now() WHERE id = %s", stopped.limits.member)
    await go([other], 25)
    await go(both, 60)
    for _ in range(400):
        for each in both:
            each.thread()
            each.hear()
            each.answer()
            each.end()
            await asyncio.sleep(0)
        if all(call.done() for each in both for call in each.calls):
            break
    assert [call.done() for each in both for call in each.calls if not call.done()] == [], "each call has its turn"
    for each in both:
        await each.close()
