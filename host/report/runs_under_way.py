"""The current activity of runs, gathered from their events: which calls are open, and what those wait for."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from itertools import islice
from time import time

import msgspec

from host.events import CallEnded, CallStarted, Event, RunEnded, RunStarted, Waiting

__all__ = ["Activity", "OpenCall", "RunsUnderWay"]

FEW = 32  # timers of a run that are kept though they may be over: no event says so


class OpenCall(msgspec.Struct):
    """A call without an answer, or a timer (whose ``operation`` is empty).

    ``waits`` is what it waits for, until ``until`` (``None``: unknown). Times are on one clock.
    """

    run_id: str
    task: str
    operation: str
    line: int | None
    began: float
    waits: str | None = None
    until: float | None = None

    def waiting_for(self, now: float) -> str | None:
        """What it still waits for, if anything."""
        return self.waits if self.until is None or self.until > now else None


class _Run(msgspec.Struct):
    began: float
    calls: dict[int, OpenCall] = msgspec.field(default_factory=dict)
    timers: dict[int, OpenCall] = msgspec.field(default_factory=dict)
    tidy_at: int = FEW

    def add_timer(self, id: int, timer: OpenCall) -> None:
        self.timers[id] = timer
        if len(self.timers) > self.tidy_at:
            self.timers = {key: each for key, each in self.timers.items() if each.waiting_for(timer.began)}
            self.tidy_at = FEW + 2 * len(self.timers)

    def oldest(self, now: float) -> OpenCall | None:
        """The oldest open call; without one, the timer that ends first."""
        if self.calls:
            return next(iter(self.calls.values()))
        left = (timer for timer in self.timers.values() if timer.waiting_for(now))
        return min(left, key=lambda timer: timer.until or 0.0, default=None)


class Activity(msgspec.Struct, frozen=True):
    """One run as it is now: the ``call`` to show, and how many ``more`` are open."""

    run_id: str
    began: float
    call: OpenCall | None
    more: int


class RunsUnderWay:
    """A sink that counts. Nothing is drawn or written here: an event costs a look-up or two.

    ``calls`` and ``failed_calls`` have ended, ``open_calls`` have no answer.
    """

    def __init__(self, clock: Callable[[], float] = time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._runs: dict[str, _Run] = {}
        self._waiting: dict[tuple[str, int], OpenCall] = {}
        self.open_calls = 0
        self.calls = 0
        self.failed_calls = 0

    def emit(self, event: Event) -> None:
        with self._lock:
            match event:
                case CallStarted():
                    self._begin(event)
                case CallEnded():
                    self._end(event)
                case Waiting():
                    self._wait(event)
                case RunStarted():
                    self._runs[event.run_id] = _Run(self._clock())
                case RunEnded():
                    self._close(event.run_id)

    @property
    def runs(self) -> int:
        """How many are under way."""
        return len(self._runs)

    def first_runs(self, most: int) -> list[Activity]:
        """Up to so many runs, those that began first."""
        with self._lock:
            now = self._clock()
            return [
                Activity(id, run.began, run.oldest(now), max(len(run.calls) - 1, 0))
                for id, run in islice(self._runs.items(), most)
            ]

    def first_calls(self, most: int) -> list[OpenCall]:
        """Up to so many open calls, or timers where no call is open; from the runs that began first."""
        with self._lock:
            now = self._clock()
            calls = list(islice((call for run in self._runs.values() for call in run.calls.values()), most))
            if calls:
                return calls
            timers = (timer for run in self._runs.values() for timer in run.timers.values())
            return list(islice((timer for timer in timers if timer.waiting_for(now)), most))

    def waits(self) -> Counter[str]:
        """How many open calls wait, by reason."""
        found = Counter[str]()
        with self._lock:
            now = self._clock()
            for key, call in list(self._waiting.items()):
                reason = call.waiting_for(now)
                if reason is None:
                    del self._waiting[key]
                else:
                    found[reason] += 1
        return found

    # -- under the lock

    def _begin(self, event: CallStarted) -> None:
        run = self._runs.get(event.run_id)
        if run is not None:
            self.open_calls += 1
            run.calls[event.call_id] = OpenCall(event.run_id, event.task, event.operation, event.line, self._clock())

    def _end(self, event: CallEnded) -> None:
        self.calls += 1
        self.failed_calls += event.error is not None
        run = self._runs.get(event.run_id)
        if run is not None and run.calls.pop(event.call_id, None) is not None:
            self.open_calls -= 1
            self._waiting.pop((event.run_id, event.call_id), None)

    def _wait(self, event: Waiting) -> None:
        run, now = self._runs.get(event.run_id), self._clock()
        if run is None:
            return
        until = None if event.seconds is None else now + event.seconds
        if event.reason == "timer":
            run.add_timer(event.call_id, OpenCall(event.run_id, event.task, "", None, now, "timer", until))
        elif (call := run.calls.get(event.call_id)) is not None:
            call.waits, call.until = event.reason, until
            self._waiting[event.run_id, event.call_id] = call

    def _close(self, run_id: str) -> None:
        run = self._runs.pop(run_id, None)
        if run is not None:
            self.open_calls -= len(run.calls)
            for call_id in run.calls:
                self._waiting.pop((run_id, call_id), None)
