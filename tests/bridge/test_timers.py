"""Many timers in one heap, with one timer of the loop."""

from __future__ import annotations

import random
import threading
from time import monotonic


def test_timers_ring_in_their_order_and_never_early(make_worker):
    """However they were set."""
    worker, rung, done = make_worker(), [], threading.Event()
    start = monotonic() + 0.5  # until then all are set, however busy the machine
    timers = {}

    def ring_at(n):
        def ring(reply):
            rung.append((n, monotonic()))
            if len(rung) == 59:
                done.set()

        return ring

    for n in random.sample(range(1, 60), 59):
        timers[n] = worker.call_later(start + n / 1000 - monotonic(), ring_at(n))
    assert done.wait(20)
    # by the moments they were set to: a machine that pauses between two clocks sets one later than was meant
    assert [n for n, _ in rung] == sorted(timers, key=lambda n: timers[n].at)
    assert all(at >= timers[n].at for n, at in rung)


def test_a_timer_before_the_first_rings_before_it(make_worker):
    """A timer before the first rings before it."""
    worker, rung = make_worker(), threading.Event()
    worker.call_later(600, lambda reply: None)
    worker.call_later(0.001, lambda reply: rung.set())
    assert rung.wait(20)


def test_cancelled_timers_leave_nothing_behind(make_worker):
    """Neither what they would have called nor a place in the heap; the others ring."""
    worker, rung, done = make_worker(), [], threading.Event()
    kept = [worker.call_later(600, rung.append) for _ in range(10)]
    cancelled = [worker.call_later(500 + n, rung.append) for n in range(1000)]
    for timer in cancelled:
        timer.cancel()
        timer.cancel()
    worker.call_later(0, lambda reply: done.set())
    assert done.wait(20)
    assert rung == []
    assert worker._timers is not None
    assert worker._timers.pending == len(kept)
    assert len(worker._timers._heap) <= 2 * len(kept) + 1
