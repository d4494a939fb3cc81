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

__all__ = ["Stuck", "call"]

T = TypeVar("T")

GRACE = 0.8  # seconds; the promise is that Ctrl-C ends a run within one

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stuck(BaseException):
    """The work was to end and did not in time: its thread is still there, so only ``os._exit`` ends the
    process. ``exit_code`` is 128 + the signal, as shells count, or 5 for a limit of time."""

    def __init__(self, reason: str, exit_code: int) -> None:
        super().__init__(reason)
        self.exit_code = exit_code


def call(
    work: Callable[[], T], stop: Callable[[], None], *, limit: float | None = None, grace: float = GRACE
) -> tuple[T, int | None]:
    """What ``work()`` returns, and the signal that made it end, if one did; or what it raises.

    The first SIGINT or SIGTERM calls ``stop()``, which is to make ``work`` end soon; :class:`Stuck` if it
    has not within ``grace`` seconds. A second signal ends the process at once. ``work`` ends by itself
    within ``limit`` seconds; :class:`Stuck` if it has not another ``grace`` later. Signals reach the main
    thread only; called from another one this is just ``work()``.
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
        number = _next(happened, None if limit is None else limit + grace, "timed out", 5)
        if number is not None:
            stop()
            _next(happened, grace, "interrupted", 128 + number)
    if errors:
        raise errors[0]
    return results[0], number


def _next(
    happened: SimpleQueue[int | None], seconds: float | None, reason: str, exit_code: int
) -> int | None:
    try:
        return happened.get(timeout=seconds)
    except Empty:
        raise Stuck(reason, exit_code) from None


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
