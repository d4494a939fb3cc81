"""Ctrl-C and SIGTERM while a script runs.

Python runs signal handlers on the main thread, between its own instructions. Lua code offers no such
moment, so the script runs on a separate thread and the main thread waits where it can be woken: on a socket.
A wait for a lock is not woken by a signal that comes just before it begins.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from time import monotonic, sleep
from types import FrameType
from typing import TypeVar

__all__ = ["Stuck", "call"]

T = TypeVar("T")

GRACE = 0.8  # seconds; the promise is that Ctrl-C ends a run within one
REPEATED = 0.1  # seconds; `timeout`, terminals and wrappers send one signal to the process and once more to its group

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
    has not within ``grace`` seconds. A second signal ends the process immediately, unless it comes within
    :data:`REPEATED` seconds of the first: that is the same signal sent twice. ``work`` ends by itself within
    ``limit`` seconds; :class:`Stuck` if it has not another ``grace`` later. Signals reach the main thread only;
    called from another one this is just ``work()``.
    """
    if threading.current_thread() is not threading.main_thread():
        return work(), None
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(work())
        except BaseException as error:  # whatever it is, the waiting thread raises it
            errors.append(error)
        finally:
            happened.put(None)

    with _Happenings() as happened:
        threading.Thread(target=body, name="script", daemon=True).start()
        number = happened.next(None if limit is None else limit + grace, "timed out", 5)
        if number is not None:
            stop()
            happened.next(grace, "interrupted", 128 + number)
    if errors:
        raise errors[0]
    return results[0], number


class _Happenings:
    """Signals, as numbers, and the end of the work, ``None``, in the order in which they come."""

    def __enter__(self) -> _Happenings:
        self._seen: SimpleQueue[int | None] = SimpleQueue()  # the one queue a signal handler may put into
        self._woken, self._waking = socket.socketpair()
        self._waking.setblocking(False)
        self._fd = signal.set_wakeup_fd(self._waking.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        self._first: float | None = None  # when the first signal came
        return self

    def __exit__(self, *_: object) -> None:
        if self._first is not None:  # its repetition must not reach the handlers from before
            sleep(max(0.0, self._first + REPEATED - monotonic()))
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._fd)
        self._waking.close()
        self._woken.close()

    def put(self, item: int | None) -> None:
        """Add an item, from any thread."""
        self._seen.put(item)
        with suppress(OSError):  # nobody waits any more, or the signal is on its way anyway
            self._waking.send(b"\0")

    def next(self, seconds: float | None, reason: str, exit_code: int) -> int | None:
        """The next one. Raises :class:`Stuck` if there is none in time."""
        until = None if seconds is None else monotonic() + seconds
        while self._seen.empty():
            left = None if until is None else max(0.0, until - monotonic())
            if not select.select([self._woken], [], [], left)[0]:
                raise Stuck(reason, exit_code)
            self._woken.recv(4096)  # a signal's handler runs before the next line
        return self._seen.get()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._first is None:
            self._first = monotonic()
            self.put(number)
        elif monotonic() > self._first + REPEATED:
            os._exit(128 + number)
