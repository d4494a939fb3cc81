"""Permits in flight that calls wait for, are cancelled while they wait, and give back, in any order."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from host.remote import limit_messages as m
from host.remote.leased_limits import LeasedPermits


async def test_a_call_that_is_cancelled_as_its_permit_comes_costs_none() -> None:
    """It is passed over: whoever gives the permit back is not disturbed, and the next call has it."""
    permits = LeasedPermits("host", lambda message: None)
    permits.granted(1)
    await permits.acquire()
    first, second = asyncio.create_task(permits.acquire()), asyncio.create_task(permits.acquire())
    await asyncio.sleep(0)
    first.cancel()
    permits.release()  # before the cancelled call has had its turn
    assert await second
    with pytest.raises(asyncio.CancelledError):
        await first
    assert (permits.used(), permits.waiting()) == (1, 0)


class Course:
    """Calls and a source of permits that do things in a random order."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.held = self.using = 0
        self.calls: list[asyncio.Task[Any]] = []
        self.permits = LeasedPermits("host", self._tell)

    def _tell(self, message: m.Message) -> None:
        if isinstance(message, m.PermitsReturned):
            self.held -= message.count

    async def _call(self) -> None:
        await self.permits.acquire()
        self.using += 1
        try:
            for _ in range(self._chance.randrange(4)):
                await asyncio.sleep(0)
        finally:
            self.using -= 1
            self.permits.release()

    def grant(self) -> None:
        if self.held < 4:
            self.held += 1
            self.permits.granted(1)

    def recall(self) -> None:
        if self.held:
            self.permits.recalled(1, hard=self._chance.random() < 0.5)

    def begin(self) -> None:
        self.calls.append(asyncio.create_task(self._call()))

    def cancel(self) -> None:
        if self.calls:
            self._chance.choice(self.calls).cancel()

    async def step(self) -> None:
        what = self._chance.choice([self.begin, self.begin, self.cancel, self.grant, self.recall, None, None])
        if what is None:
            await asyncio.sleep(0)
        else:
            what()


@pytest.mark.parametrize("seed", range(40))
async def test_no_permit_is_lost_or_used_twice(seed: int) -> None:
    """Calls begin, end and are cancelled, permits are granted and recalled: never more in use, at the end none."""
    course = Course(seed)
    for _ in range(300):
        await course.step()
        assert course.using <= course.permits.used() <= course.permits.held == course.held
    ended = asyncio.gather(*course.calls, return_exceptions=True)
    async with asyncio.timeout(20):
        while not ended.done():
            course.grant()
            await asyncio.sleep(0)
    assert {type(each) for each in ended.result()} <= {type(None), asyncio.CancelledError}
    assert (course.using, course.permits.used(), course.permits.waiting()) == (0, 0, 0)
