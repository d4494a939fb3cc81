"""Calls without a task: what differs from those in one. All else is tested for both (``manner``)."""

from __future__ import annotations

import asyncio
import threading
from time import monotonic
from typing import Any

import pytest

from host.bridge.request import Reply
from host.errors import CallTimeout, CancelledCall


@pytest.fixture(params=["direct"])
def manner(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


def test_a_call_runs_in_no_task_and_on_the_loop(make_worker, inbox):
    """A call runs in no task and on the loop."""

    async def where(payload: Any, deadline: float) -> Any:
        return asyncio.current_task(), asyncio.get_running_loop() is not None

    make_worker({"where": where}).submit(inbox.request(name="where"))
    assert inbox.get() == Reply((None, True))


def test_the_first_step_is_made_in_the_order_of_submission(make_worker, inbox, gate):
    """The first step is made in the order of submission."""
    worker = make_worker()
    for n in range(20):
        worker.submit(inbox.request(n, name="gate"))
    assert [gate.wait_entered() for _ in range(20)] == list(range(20))
    worker.stop(grace=0)


def test_a_bare_yield_lets_others_have_their_turn(make_worker, inbox):
    """A bare yield lets others have their turn."""
    steps: list[str] = []

    async def walk(payload: Any, deadline: float) -> None:
        for n in range(3):
            steps.append(f"{payload}{n}")
            await asyncio.sleep(0)

    async def both(payload: Any, deadline: float) -> None:
        await asyncio.gather(walk("a", deadline), walk("b", deadline))

    worker = make_worker({"both": both, "walk": walk})
    worker.submit(inbox.request(name="both"))
    assert inbox.get().error is None
    assert steps == ["a0", "b0", "a1", "b1", "a2", "b2"]
    worker.submit(inbox.request("c", name="walk"))
    assert inbox.get().error is None
    assert steps[6:] == ["c0", "c1", "c2"]


def test_a_deadline_is_put_off_for_the_call_that_asks(make_worker, inbox):
    """Also where another call's step came in between."""
    worker: Any = None

    async def patient(payload: Any, deadline: float) -> str:
        await asyncio.sleep(0.01)
        worker.extend_deadline(30.0)
        await asyncio.sleep(1.2)
        return "in time"

    async def hasty(payload: Any, deadline: float) -> None:
        await asyncio.sleep(30.0)

    worker = make_worker({"patient": patient, "hasty": hasty})
    start = monotonic()
    worker.submit(inbox.request("patient", name="patient", seconds=1.0))
    worker.submit(inbox.request("hasty", name="hasty", seconds=1.0))
    replies = dict(inbox.pair() for _ in range(2))
    assert replies["patient"] == Reply("in time")
    assert isinstance(replies["hasty"].error, CallTimeout)
    assert monotonic() - start < 20


def test_a_call_given_up_by_what_it_runs_ends_where_it_next_waits(make_worker, inbox):
    """A call given up by what it runs ends where it next waits."""
    worker: Any = None
    came: list[str] = []
    requests: list[Any] = []

    async def rash(payload: Any, deadline: float) -> None:
        worker._calls.give_up(requests[0])
        came.append("goes on")
        try:
            await asyncio.sleep(30.0)
        except asyncio.CancelledError:
            came.append("cancelled")
            raise

    worker = make_worker({"rash": rash})
    requests.append(inbox.request(name="rash"))
    worker.submit(requests[0])
    assert isinstance(inbox.get().error, CancelledCall)
    worker.stop()
    assert came == ["goes on", "cancelled"]


def test_what_it_waited_for_is_cancelled_with_it(make_worker, inbox):
    """What it waited for is cancelled with it."""
    waits: list[asyncio.Future[None]] = []
    entered = threading.Event()

    async def wait(payload: Any, deadline: float) -> None:
        waits.append(asyncio.get_running_loop().create_future())
        entered.set()
        await waits[0]

    worker = make_worker({"wait": wait})
    request = inbox.request(name="wait")
    worker.submit(request)
    entered.wait(20)
    worker.cancel(request)
    assert isinstance(inbox.get().error, CancelledCall)
    worker.stop()
    assert waits[0].cancelled()


def test_what_was_there_when_it_was_cancelled_wakes_nobody(make_worker, inbox):
    """A future tells that it is done a round later: by then the call may have ended."""
    worker: Any = None
    requests: list[Any] = []
    faults: list[Any] = []

    async def wait(payload: Any, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: faults.append(context))
        future = loop.create_future()

        def both() -> None:
            future.set_result(None)
            worker._calls.give_up(requests[0])

        loop.call_soon(both)
        await future

    worker = make_worker({"wait": wait})
    requests.append(inbox.request(name="wait"))
    worker.submit(requests[0])
    assert isinstance(inbox.get().error, CancelledCall)
    worker.submit(inbox.request("after"))
    assert inbox.get() == Reply("after")
    worker.stop()
    assert faults == []


def test_a_task_begun_within_a_step_puts_off_its_own_deadline(make_worker, inbox):
    """The end of a call makes room for one that needs a task, and begins it right there."""
    worker: Any = None

    async def patient(payload: Any, deadline: float) -> str:
        worker.extend_deadline(30.0)
        await asyncio.sleep(1.2)
        return "in time"

    async def first(payload: Any, deadline: float) -> str:
        await asyncio.sleep(0.02)
        return "first"

    worker = make_worker({"first": first, "patient": patient}, max_in_flight=1)
    del worker._affinity.direct["patient"]
    worker.submit(inbox.request(name="first"))
    worker.submit(inbox.request(name="patient", seconds=1.0))
    assert [inbox.get(), inbox.get()] == [Reply("first"), Reply("in time")]
