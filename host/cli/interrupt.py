"""Ctrl-C and SIGTERM while a script runs.

Python runs signal handlers on the main thread, between its own instructions. Lua code gives no such
moment, so the script runs on a thread of its own and the main thread waits where it can be woken.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TypeVar

__all__ = ["Interrupted", "call"]

T = TypeVar("T")

GRACE = 0.8  # seconds; the promise is that Ctrl-C ends a run within one

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A signal came and the work did not end within the grace time: its thread is still there, so only
    ``os._exit`` ends the process. ``exit_code`` is 128 + the signal, as shells count."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


def call(work: Callable[[], T], stop: Callable[[], None], *, grace: float = GRACE) -> tuple[T, int | None]:
    """What ``work()`` returns, and the signal that made it end, if one did; or what it raises.

    The first SIGINT or SIGTERM calls ``stop()``, which is to make ``work`` end soon; :class:`Interrupted`
    if it has not within ``grace`` seconds. A second signal ends the process at once. Signals reach the
    main thread only; called from another one this is just ``work()``.
    """
    if threading.current_thread() is not threading.main_thread():
        return work(), None
    happened: SimpleQueue[int | None] = SimpleQueue()  # the one queue a signal handler may put into
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(work())
        except BaseException as error:  # whatever it is, the waiting thread raises it
            errors.append(error)
        finally:
            happened.put(None)

    with _handlers(happened):
        threading.Thread(target=body, name="script", daemon=True).start()
        number = happened.get()
        if number is not None:
            stop()
            try:
                happened.get(timeout=grace)
            except Empty:
                raise Interrupted(number) from None
    if errors:
        raise errors[0]
    return results[0], number


@contextmanager
def _handlers(happened: SimpleQueue[int | None]) -> Iterator[None]:
    first: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if first:
            os._exit(128 + number)
        first.append(number)
        happened.put(number)

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
