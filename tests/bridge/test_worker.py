from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from time import monotonic
from typing import Any

import pytest

from host.bridge.request import AsyncRequest, Reply
from host.errors import (
    CallTimeout,
    CancelledCall,
    ClosedError,
    FunctionError,
    InvalidCall,
    NetworkError,
    UsageError,
)


def test_a_call_is_answered_with_its_functions_value(make_worker, inbox):
    """A call is answered with its function's value."""
    make_worker().submit(inbox.request({"n": 1}))
    assert inbox.get() == Reply({"n": 1})


def test_calls_of_many_threads_each_get_their_own_answer_once(make_worker, inbox):
    """Calls from many threads each get their own answer, once."""
    worker = make_worker(max_in_flight=7)

    def submit(thread: int) -> None:
        for i in range(300):
            worker.submit(inbox.request((thread, i), source=thread))

    threads = [threading.Thread(target=submit, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    pairs = [inbox.pair() for _ in range(8 * 300)]
    for thread in threads:
        thread.join()
    assert all(payload == reply.value for payload, reply in pairs)
    assert {payload for payload, _ in pairs} == {(n, i) for n in range(8) for i in range(300)}
    inbox.check_each_answered_once()
    assert worker.stats().answered == 2400


def test_calls_run_at_the_same_time(make_worker, inbox, gate):
    """Fifty calls have all begun before the first of them is let go."""
    worker = make_worker()
    for n in range(50):
        worker.submit(inbox.request(n, name="gate"))
    assert sorted(gate.wait_entered() for _ in range(50)) == list(range(50))
    for n in range(50):
        gate.open(n)
    assert sorted(inbox.get().value for _ in range(50)) == list(range(50))


def test_the_loop_is_woken_once_for_a_batch_and_sleeps_when_there_is_nothing(make_worker, inbox, gate):
    """The loop is woken once for a batch, and sleeps when there is nothing to do."""
    worker = make_worker()
    loop = worker.start()
    worker.submit(inbox.request())
    inbox.get()
    wakes = []
    wake, hold = loop.call_soon_threadsafe, threading.Event()
    loop_held = threading.Event()

    def hold_loop() -> None:
        loop_held.set()
        hold.wait(20)

    wake(hold_loop)
    loop_held.wait(20)
    worker._submissions.loop = _Recorder(loop, wakes)  # type: ignore[assignment]
    for n in range(100):
        worker.submit(inbox.request(n))
    hold.set()
    for _ in range(100):
        inbox.get()
    worker._submissions.loop = loop
    assert len(wakes) == 1


class _Recorder:
    def __init__(self, loop: asyncio.AbstractEventLoop, wakes: list[Any]) -> None:
        self._loop = loop
        self._wakes = wakes

    def call_soon_threadsafe(self, *args: Any) -> Any:
        self._wakes.append(args)
        return self._loop.call_soon_threadsafe(*args)


def test_at_most_max_in_flight_run_and_the_rest_waits_in_queue_and_beyond_it(make_worker, inbox, gate):
    """At most ``max_in_flight`` calls run; the rest wait in the queue and beyond it."""
    worker = make_worker(max_in_flight=2, capacity=3)
    for n in range(9):
        worker.submit(inbox.request(n, name="gate"))
    assert {gate.wait_entered(), gate.wait_entered()} == {0, 1}
    worker.run(lambda: asyncio.sleep(0))
    stats = worker.stats()
    assert (stats.in_flight, stats.queue_depth, stats.waiting) == (2, 3, 4)
    assert stats.oldest_wait > 0
    for n in range(9):
        gate.open(n) if n < 2 else None
    for n in range(2, 9):
        assert gate.wait_entered() == n
        gate.open(n)
    assert sorted(inbox.get().value for _ in range(9)) == list(range(9))
    assert worker.stats().oldest_wait == 0


def test_a_source_with_many_calls_delays_another_by_one_call_only(make_worker, inbox, gate):
    """A source with many calls delays another by one call only."""
    worker = make_worker(max_in_flight=1, capacity=4)
    for n in range(20):
        worker.submit(inbox.request(("many", n), name="gate", source="many"))
    worker.submit(inbox.request(("few", 0), name="gate", source="few"))
    for _ in range(21):
        gate.open(gate.wait_entered())
    assert gate.order.index(("few", 0)) <= 2
    assert [n for source, n in gate.order if source == "many"] == list(range(20))


def test_a_deadline_in_the_queue_is_answered_while_everything_in_flight_hangs(make_worker, inbox, gate):
    """A deadline in the queue is answered while everything in flight hangs."""
    worker = make_worker(max_in_flight=1)
    worker.submit(inbox.request("first", name="gate"))
    gate.wait_entered()
    worker.submit(inbox.request("late", seconds=0.05, mutation=True))
    payload, reply = inbox.pair()
    assert payload == "late"
    assert isinstance(reply.error, CallTimeout)
    assert (reply.error.phase, reply.error.outcome) == ("queue", "not_sent")
    gate.open("first")
    assert inbox.get().value == "first"


def test_a_deadline_in_flight_cancels_the_function_and_is_a_timeout_of_the_answer(make_worker, inbox, gate):
    """A deadline in flight cancels the function and is a timeout of the answer."""
    worker = make_worker()
    worker.submit(inbox.request("slow", name="gate", seconds=0.05, mutation=True))
    error = inbox.get().error
    assert isinstance(error, CallTimeout)
    assert (error.phase, error.outcome) == ("response", "unknown")
    assert gate.cancelled.get(timeout=20) == "slow"


def test_a_function_that_says_its_own_phase_at_the_deadline_is_believed(make_worker, inbox):
    """A function that says its own phase at the deadline is believed."""

    async def careful(payload: Any, deadline: float) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise CallTimeout("no connection", phase="connect") from None

    make_worker({"careful": careful}).submit(inbox.request(name="careful", seconds=0.05))
    assert inbox.get().error.phase == "connect"


def test_a_function_that_ignores_its_cancellation_is_answered_all_the_same(make_worker, inbox):
    """A function that ignores its cancellation is answered all the same."""
    release = asyncio.Event()
    running = {}

    async def stubborn(payload: Any, deadline: float) -> Any:
        running["loop"] = asyncio.get_running_loop()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return "too late"

    make_worker({"stubborn": stubborn}).submit(inbox.request(name="stubborn", seconds=0.05))
    error = inbox.get().error
    assert isinstance(error, CallTimeout)
    assert "does not stop" in error.message
    running["loop"].call_soon_threadsafe(release.set)


def test_a_deadline_put_off_from_inside_the_function_does_not_strike_earlier(make_worker, inbox):
    """A deadline put off from inside the function does not strike earlier."""
    workers = []

    async def limited(payload: Any, deadline: float) -> Any:
        workers[0].extend_deadline(20)
        await asyncio.sleep(max(0, deadline - monotonic()) + 0.1)
        return "after the first deadline"

    workers.append(make_worker({"limited": limited}))
    workers[0].submit(inbox.request(name="limited", seconds=0.02))
    assert inbox.get().value == "after the first deadline"


def test_errors_of_a_call_pass_as_they_are_and_others_are_wrapped_with_their_cause(make_worker, inbox):
    """Errors of a call pass as they are and others are wrapped with their cause."""
    refused = NetworkError("refused")

    async def fail(payload: Any, deadline: float) -> Any:
        raise payload

    worker = make_worker({"fail": fail})
    worker.submit(inbox.request(refused, name="fail"))
    assert inbox.get().error is refused
    for cause in (ValueError("bad"), SystemExit(3), KeyboardInterrupt()):
        worker.submit(inbox.request(cause, name="fail", mutation=True))
        error = inbox.get().error
        assert isinstance(error, FunctionError)
        assert error.__cause__ is cause
        assert (error.type, error.outcome) == (type(cause).__name__, "unknown")
    worker.submit(inbox.request("still alive"))
    assert inbox.get().value == "still alive"


def test_an_unknown_function_is_named_with_the_nearest_known_one(make_worker, inbox):
    """An unknown function is named with the nearest known one."""
    make_worker().submit(inbox.request(name="ecko"))
    error = inbox.get().error
    assert isinstance(error, InvalidCall)
    assert "'ecko'" in error.message
    assert error.hint == "Did you mean 'echo'?"


def test_a_cancelled_read_is_answered_at_once_and_its_function_aborted(make_worker, inbox, gate):
    """A cancelled read is answered at once and its function aborted."""
    worker = make_worker()
    request = inbox.request("read", name="gate")
    worker.submit(request)
    gate.wait_entered()
    worker.cancel(request)
    assert isinstance(inbox.get().error, CancelledCall)
    assert gate.cancelled.get(timeout=20) == "read"
    inbox.check_each_answered_once()


def test_a_cancelled_mutation_in_flight_goes_on_and_its_end_is_reported(make_worker, inbox, gate):
    """A cancelled mutation in flight goes on and its end is reported."""
    orphans: Any = []
    told = threading.Event()

    def on_orphan(request: AsyncRequest, reply: Reply) -> None:
        orphans.append((request, reply))
        told.set()

    worker = make_worker(on_orphan=on_orphan)
    request = inbox.request("charge", name="gate", mutation=True)
    worker.submit(request)
    gate.wait_entered()
    worker.cancel(request)
    error = inbox.get().error
    assert isinstance(error, CancelledCall)
    assert error.outcome == "unknown"
    gate.open("charge")
    assert told.wait(20)
    assert orphans == [(request, Reply("charge"))]
    inbox.check_each_answered_once()


def test_a_cancelled_call_in_the_queue_was_not_sent_and_never_starts(make_worker, inbox, gate):
    """A cancelled call in the queue was not sent and never starts."""
    worker = make_worker(max_in_flight=1)
    worker.submit(inbox.request("first", name="gate"))
    gate.wait_entered()
    request = inbox.request("second", name="gate", mutation=True)
    worker.submit(request)
    worker.cancel(request)
    error = inbox.get().error
    assert (error.kind, error.outcome) == ("cancelled", "not_sent")
    gate.open("first")
    assert inbox.get().value == "first"
    worker.submit(inbox.request("third"))
    assert inbox.get().value == "third"
    assert gate.order == ["first"]


def test_cancelling_twice_or_too_late_changes_nothing(make_worker, inbox):
    """Cancelling twice or too late changes nothing."""
    worker = make_worker()
    request = inbox.request("done")
    worker.submit(request)
    assert inbox.get().value == "done"
    worker.cancel(request)
    worker.cancel(request)
    worker.submit(inbox.request("next"))
    assert inbox.get().value == "next"
    inbox.check_each_answered_once()


def test_cancelled_at_every_moment_each_call_is_still_answered_once(make_worker, inbox, gate):
    """Cancelled at every moment each call is still answered once."""
    worker = make_worker(max_in_flight=3)
    requests = [inbox.request(n, mutation=n % 2 == 0, source=n % 5) for n in range(500)]

    def cancel() -> None:
        for request in requests:
            worker.cancel(request)

    canceller = threading.Thread(target=cancel)
    canceller.start()
    for request in requests:
        worker.submit(request)
    replies = [inbox.get() for _ in requests]
    canceller.join()
    assert all(reply.error is None or reply.error.kind == "cancelled" for reply in replies)
    inbox.check_each_answered_once()
    worker.submit(inbox.request("free again"))
    assert inbox.get().value == "free again"
    assert worker.stats().in_flight == 0


def test_stop_lets_what_is_in_flight_finish_and_refuses_what_waits(make_worker, inbox, gate):
    """``stop`` lets calls in flight finish and refuses those that wait."""
    worker = make_worker(max_in_flight=1)
    worker.submit(inbox.request("in flight", name="gate"))
    gate.wait_entered()
    worker.submit(inbox.request("waiting", mutation=True))
    stopper = threading.Thread(target=worker.stop, args=(20,))
    stopper.start()
    payload, reply = inbox.pair()
    assert payload == "waiting"
    assert (reply.error.kind, reply.error.outcome) == ("closed", "not_sent")
    gate.open("in flight")
    assert inbox.get().value == "in flight"
    stopper.join(20)
    assert not stopper.is_alive()
    inbox.check_each_answered_once()


def test_stop_answers_what_does_not_finish_within_the_grace(make_worker, inbox, gate):
    """``stop`` answers calls that do not finish within the grace period."""
    worker = make_worker()
    worker.submit(inbox.request("hangs", name="gate", mutation=True))
    gate.wait_entered()
    worker.stop(grace=0.01)
    error = inbox.get().error
    assert isinstance(error, ClosedError)
    assert error.outcome == "unknown"
    assert gate.cancelled.get(timeout=20) == "hangs"
    inbox.check_each_answered_once()


def test_stop_twice_and_before_any_start_is_fine_and_a_later_call_is_refused(make_worker, inbox):
    """``stop`` may be called twice and before any start; a later call is refused."""
    for started in (False, True):
        worker = make_worker()
        if started:
            worker.submit(inbox.request())
            inbox.get()
        worker.stop()
        worker.stop()
        worker.submit(inbox.request(mutation=True))
        error = inbox.get().error
        assert isinstance(error, ClosedError)
        assert error.outcome == "not_sent"
        late: list[Reply] = []
        worker.call_later(0, late.append)
        assert isinstance(late[0].error, ClosedError)
        with pytest.raises(ClosedError):
            worker.run(lambda: asyncio.sleep(0))


def test_submitting_while_the_worker_stops_loses_no_call(make_worker, inbox):
    """Submitting while the worker stops loses no call."""
    worker = make_worker()
    worker.submit(inbox.request())
    inbox.get()
    started = threading.Event()

    def submit() -> None:
        for n in range(2000):
            worker.submit(inbox.request(n))
            if n == 100:
                started.set()

    thread = threading.Thread(target=submit)
    thread.start()
    started.wait(20)
    worker.stop()
    thread.join()
    replies = [inbox.get() for _ in range(2000)]
    assert {reply.error.kind for reply in replies if reply.error} <= {"closed"}
    inbox.check_each_answered_once()


def test_closers_run_on_the_loop_after_the_last_call_and_last_added_first(make_worker, inbox):
    """Closers run on the loop after the last call and last added first."""
    worker, order = make_worker(), []

    async def close(name: str) -> None:
        asyncio.get_running_loop()
        order.append(name)

    async def failing() -> None:
        raise RuntimeError("a closer at fault")

    worker.add_closer(lambda: close("first"))
    worker.add_closer(failing)
    worker.add_closer(lambda: close("second"))
    worker.submit(inbox.request())
    inbox.get()
    worker.stop()
    assert order == ["second", "first"]


def test_when_the_loop_dies_everyone_waiting_is_answered(make_worker, inbox, gate):
    """When the loop dies everyone waiting is answered."""
    worker = make_worker(max_in_flight=2)
    timers: Any = []
    for n in range(5):
        worker.submit(inbox.request(n, name="gate"))
    worker.call_later(60, timers.append)
    gate.wait_entered(), gate.wait_entered()
    gate.loop.call_soon_threadsafe(gate.loop.stop)
    assert {type(inbox.get().error) for _ in range(5)} == {ClosedError}
    worker._thread.join(20)
    assert isinstance(timers[0].error, ClosedError)
    worker.submit(inbox.request("after"))
    assert isinstance(inbox.get().error, ClosedError)
    inbox.check_each_answered_once()


def test_a_receiver_that_raises_does_not_harm_the_other_calls(make_worker, inbox, caplog):
    """A receiver that raises does not harm the other calls."""

    def broken(reply: Reply) -> None:
        raise RuntimeError("receiver gone")

    worker = make_worker()
    worker.submit(AsyncRequest("echo", 1, monotonic() + 5, broken))
    worker.submit(inbox.request("next"))
    assert inbox.get().value == "next"
    assert "receiver of a reply raised" in caplog.text


def test_who_is_told_of_orphans_and_raises_is_logged(make_worker, inbox, gate, caplog):
    """What became of a change given up may be all that tells of it: its loss is not silent."""

    def broken(request: AsyncRequest, reply: Reply) -> None:
        raise RuntimeError("nobody there")

    worker = make_worker(on_orphan=broken)
    request = inbox.request("charge", name="gate", mutation=True)
    worker.submit(request)
    gate.wait_entered()
    worker.cancel(request)
    assert isinstance(inbox.get().error, CancelledCall)
    gate.open("charge")
    worker.stop()
    assert "nobody there" in caplog.text


def test_blocking_on_the_loops_own_thread_raises_at_once(make_worker, inbox):
    """Blocking on the loop's own thread raises at once."""
    workers: Any = []

    async def deadlock(payload: Any, deadline: float) -> Any:
        assert workers[0].on_loop_thread()
        with pytest.raises(UsageError, match="would wait for"):
            workers[0].run(lambda: asyncio.sleep(0))
        with pytest.raises(UsageError, match="would wait for"):
            workers[0].stop()
        return "raised"

    workers.append(make_worker({"deadlock": deadlock}))
    assert not workers[0].on_loop_thread()
    workers[0].submit(inbox.request(name="deadlock"))
    assert inbox.get().value == "raised"


def test_run_gives_the_value_or_raises_the_error_or_the_timeout(make_worker):
    """Run gives the value or raises the error or the timeout."""
    worker = make_worker()

    async def value() -> int:
        return 7

    async def fail() -> None:
        raise KeyError("x")

    assert worker.run(value) == 7
    with pytest.raises(KeyError):
        worker.run(fail)
    with pytest.raises(TimeoutError):
        worker.run(lambda: asyncio.sleep(60), timeout=0.01)


def test_a_timer_rings_once_and_never_early(make_worker):
    """A timer rings once and never early."""
    worker = make_worker()
    rung, done = [], threading.Event()
    start = monotonic()

    def ring(reply: Reply) -> None:
        rung.append((reply, monotonic() - start))
        done.set()

    timer = worker.call_later(0.03, ring)
    assert done.wait(20)
    timer.cancel()
    worker.stop()
    [(reply, after)] = rung
    assert reply == Reply()
    assert after >= 0.03


def test_a_timer_cancelled_before_it_rings_does_not_ring(make_worker):
    """A timer cancelled before it rings does not ring."""
    worker = make_worker()
    rung, done, hold = [], threading.Event(), threading.Event()
    worker.start().call_soon_threadsafe(hold.wait, 20)
    cancelled = worker.call_later(0, lambda reply: rung.append("cancelled"))
    cancelled.cancel()
    cancelled.cancel()
    worker.call_later(0, lambda reply: done.set())
    hold.set()
    assert done.wait(20)
    worker.stop()
    assert rung == []


def test_stop_rings_pending_timers_with_an_error(make_worker):
    """``stop`` fires pending timers with an error."""
    worker, rung = make_worker(), []
    worker.call_later(60, rung.append)
    worker.stop()
    assert [type(reply.error) for reply in rung] == [ClosedError]


def test_thousands_of_answered_calls_leave_nothing_behind(make_worker, inbox):
    """Thousands of answered calls leave nothing behind."""
    worker = make_worker()
    for n in range(5000):
        worker.submit(inbox.request(n, source=n))
    for _ in range(5000):
        inbox.get()
    worker.run(lambda: asyncio.sleep(0))
    calls = worker._calls
    assert not calls._live
    assert not calls.queue._sources
    assert sum(len(slot) for slot in calls._deadlines._slots.values()) == 0


@pytest.mark.parametrize(("capacity", "in_flight"), [(0, 1), (1, 0)])
def test_limits_below_one_are_refused(make_worker, capacity, in_flight):
    """A worker that could take or run nothing is not made."""
    with pytest.raises(UsageError, match="at least 1"):
        make_worker(capacity=capacity, max_in_flight=in_flight)


CHILD = """
import os, queue, sys
from time import monotonic
from host.bridge.request import AsyncRequest
from host.bridge.worker import AsyncWorker

async def echo(payload, deadline):
    return payload

worker = AsyncWorker({"echo": echo})
slot = queue.SimpleQueue()

def call(payload):
    worker.submit(AsyncRequest("echo", payload, monotonic() + 10, slot.put))
    return slot.get(timeout=10)

assert call(1).value == 1
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_in_a_forked_child_a_call_is_refused_with_a_clear_error_and_the_parent_goes_on():
    """In a forked child a call is refused with a clear error and the parent goes on."""
    script = CHILD + (
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    error = call(2).error\n"
        "    worker.cancel(None); worker.stop()\n"
        "    os._exit(0 if error.kind == 'closed' and 'forked' in error.message else 1)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0\n"
        "assert call(3).value == 3\n"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", script], timeout=30).returncode == 0


def test_a_worker_nobody_stopped_does_not_keep_the_process_alive():
    """A worker nobody stopped does not keep the process alive."""
    done = subprocess.run([sys.executable, "-c", CHILD], timeout=30, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
