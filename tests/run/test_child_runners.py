"""Runner threads while the process of a script keeps one waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from host.run.runners import Runners


class Session:
    """Does one thing when it is served."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.inbox: deque[Any] = deque()
        self.scheduled = False
        self.blocked: threading.Lock | None = None
        self._work = work

    def serve(self) -> None:
        self.inbox.clear()
        self._work()


def test_a_thread_held_elsewhere_does_not_count() -> None:
    """With one thread allowed, a session is served while another one's process keeps that thread waiting."""
    runners = Runners(most=1)
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
