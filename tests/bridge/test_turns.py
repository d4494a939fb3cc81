"""The loop and a thread that batches its calls take turns, and neither waits for the other for long."""

from __future__ import annotations

import threading

import pytest

from host.bridge import turns as module


@pytest.fixture
def long_turns(monkeypatch):
    """A turn that ends by itself would be the end of the test."""
    monkeypatch.setattr(module, "TURN", 60.0)


def test_a_flush_gives_the_turn_back(make_worker, inbox, long_turns):
    """The loop, having given the turn, begins what was submitted as soon as the thread flushes."""
    worker = make_worker()
    loop = worker.start()
    worker.turns.batch(True)
    for n in range(3):
        given = threading.Event()
        loop.call_soon_threadsafe(lambda given=given: (given.set(), worker.give_turn()))
        assert given.wait(20)
        worker.submit(inbox.request(n))
        worker.turns.flush()
        assert inbox.get().value == n
    worker.turns.batch(False)


def test_passing_the_turn_returns_once_the_calls_have_begun(make_worker, inbox, gate, long_turns):
    """And with it the turn: the loop waits for the next flush."""
    worker = make_worker()
    worker.start()
    worker.turns.batch(True)
    for n in range(3):
        worker.submit(inbox.request(n, name="gate"))
        worker.turns.pass_on()
        assert gate.wait_entered() == n
    worker.turns.flush()
    for n in range(3):
        gate.open(n)
    assert sorted(inbox.get().value for _ in range(3)) == [0, 1, 2]
    worker.turns.batch(False)


def test_passing_the_turn_with_nothing_submitted_does_not_wait(make_worker, long_turns):
    """Passing the turn with nothing submitted does not wait."""
    worker = make_worker()
    worker.start()
    worker.turns.batch(True)
    worker.turns.pass_on()
    worker.turns.batch(False)


def test_a_turn_not_given_back_ends_by_itself(make_worker, inbox):
    """A thread that never flushes delays the loop by one turn, no more."""
    worker = make_worker()
    loop = worker.start()
    loop.call_soon_threadsafe(worker.give_turn)
    worker.submit(inbox.request("a"))
    assert inbox.get().value == "a"


def test_threads_that_flush_in_the_same_moment_do_each_other_no_harm(make_worker, inbox):
    """Many threads batch against one loop that gives the turn again and again; all calls are answered."""
    worker = make_worker()
    loop = worker.start()

    def work(thread: int) -> None:
        worker.turns.batch(True)
        for n in range(200):
            worker.submit(inbox.request((thread, n)))
            if n % 3:
                worker.turns.flush()
            else:
                worker.turns.pass_on()
            if n % 20 == 0:
                loop.call_soon_threadsafe(worker.give_turn)
        worker.turns.batch(False)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    values = {inbox.get().value for _ in range(800)}
    for thread in threads:
        thread.join()
    assert values == {(thread, n) for thread in range(4) for n in range(200)}
    inbox.check_each_answered_once()


def test_a_flush_leaves_what_another_thread_submits_meanwhile_to_its_own():
    """The turn ends, and another thread submits, right when one that flushes has seen the turn: the next flush wakes
    the loop."""

    class Passing(module.Turns):
        given = False

        @property
        def _given(self) -> bool:
            given, self.given = self.given, False
            self._unflushed = self._unflushed or given
            return given

        @_given.setter
        def _given(self, given: bool) -> None:
            self.given = given

    woken = []
    turns = Passing(lambda: woken.append("woken"))
    turns.given = True
    turns.flush()
    assert woken == []
    turns.flush()
    assert woken == ["woken"]
