"""Runner threads: one serves all, until it is held up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from host.run import scheduler as module
from host.run.scheduler import Scheduler


class Session:
    """Does one thing when it is served."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.inbox: list[Any] = []
        self.scheduled = False
        self.blocked: threading.Lock | None = None
        self._work = work

    def serve(self) -> None:
        self.inbox.clear()
        self._work()


def test_a_thread_held_elsewhere_does_not_count() -> None:
    """With one thread allowed, a session is served while another one's process keeps that thread waiting."""
    runners = Scheduler(most=1)
    waiting, served = threading.Event(), threading.Event()

    def wait() -> None:
        with runners.held():
            waiting.set()
            assert served.wait(20)

    runners.post(Session(wait), None)
    assert waiting.wait(20)
    runners.post(Session(served.set), None)
    assert served.wait(20)
    assert runners.close(20)


def test_one_thread_serves_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions posted by many threads are served by one: more would only take the interpreter from each other."""
    monkeypatch.setattr(module, "HELD", 60.0)
    runners = Scheduler()
    seen: set[int] = set()
    left = threading.Semaphore(0)

    def work() -> None:
        seen.add(threading.get_ident())
        left.release()

    def post() -> None:
        for _ in range(100):
            runners.post(Session(work), None)

    posters = [threading.Thread(target=post) for _ in range(4)]
    for poster in posters:
        poster.start()
    for _ in range(400):
        assert left.acquire(timeout=20)
    for poster in posters:
        poster.join()
    assert len(seen) == 1
    assert runners.close(20)


def test_a_session_that_keeps_its_thread_does_not_keep_the_others() -> None:
    """Another thread takes over the queue, each time one is held up."""
    runners = Scheduler()
    for _ in range(3):
        begun, end, served = threading.Event(), threading.Event(), threading.Event()

        def hog(begun: threading.Event = begun, end: threading.Event = end) -> None:
            begun.set()
            assert end.wait(20)

        runners.post(Session(hog), None)
        assert begun.wait(20)
        runners.post(Session(served.set), None)
        assert served.wait(20)
        end.set()
    assert runners.close(20)
