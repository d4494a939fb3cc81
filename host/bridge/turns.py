"""Taking turns: a loop that stays on its thread and a thread that submits calls in batches leave the interpreter to
each other.

Two Python threads that run at once only take the interpreter from each other, with a wake-up each time; taking turns
batch by batch costs much less. The loop gives the turn to a batching thread (:meth:`Turns.give`) and gets it back
with that thread's :meth:`Turns.flush`, or with :meth:`Turns.pass_on`, after which the thread begins its next batch.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

__all__ = ["Turns"]

TURN = 0.005  # seconds for which the loop and a batching thread leave the interpreter to each other, at most


class Turns:
    """``wake()`` has the loop begin what was submitted, if it sleeps. From any thread unless said otherwise."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._batching: set[int] = set()  # threads that flush
        self._unflushed = False  # something was submitted, and the loop has not been woken for it
        self._turn = threading.Lock()  # held except at the moment a batching thread gives back the turn
        self._turn.acquire()
        self._given = False
        self.passed: list[threading.Lock] = []  # of batching threads that wait for their next turn

    def batch(self, on: bool) -> None:
        """Set whether submissions of the calling thread wake the loop only with its next :meth:`flush`."""
        if on:
            self._batching.add(threading.get_ident())
        else:
            self._batching.discard(threading.get_ident())
            self.flush()

    def defer(self) -> bool:
        """Whether the calling thread batches; if so, what it has just submitted waits for its flush."""
        if threading.get_ident() not in self._batching:
            return False
        self._unflushed = True
        return True

    def flush(self) -> None:
        """Have the loop begin what batching threads have submitted."""
        # First the mark, then a look at the turn. In the other order the turn may end in between, and the loop sleep,
        # when this takes the mark of what another thread submits meanwhile.
        unflushed = self._unflushed
        if unflushed:
            self._unflushed = False
        if self._given:
            self._given = False
            with contextlib.suppress(RuntimeError):  # another thread gave it back in the same moment
                self._turn.release()
        elif unflushed:
            self._wake()

    def pass_on(self) -> None:
        """Flush, and wait until the loop has begun what was submitted: for a batching thread with more to do."""
        if self._unflushed:
            back = threading.Lock()
            back.acquire()
            self.passed.append(back)
            self.flush()
            back.acquire(timeout=TURN)

    # -- on the loop's thread

    def give(self) -> None:
        """Wait for a batching thread's flush, a turn at most."""
        self._turn.acquire(blocking=False)
        self._given = True
        self._turn.acquire(timeout=TURN)
        self._given = False

    def hand_back(self) -> bool:
        """Let the threads that wait for their next turn go on; whether there were any."""
        passed, self.passed = self.passed, []
        for back in passed:
            back.release()
        return bool(passed)
