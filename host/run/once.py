"""What ``once(function() … end)`` gave: done by the first run of a batch that asks, and passed on to all others.

One run at a time is at work for its batch, whatever it does once; the others wait for it, and it waits for none of
them. So no two runs can wait for each other. Tasks of one run are distinguished on the Lua side (``prelude/once.lua``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from host.errors import CallError, CancelledCall, HostError, InvalidCall, LimitError, OnceError
from host.limits import MB

if TYPE_CHECKING:
    from host.run.once_protocols import Deliver, OnceRecord

__all__ = ["OnceResults"]

MOST_KEYS = 10_000  # of one batch
MOST_BYTES = 64 * MB  # of all their results
POLL = 1.0  # seconds after which it is looked again what another process has done


class _Entry(msgspec.Struct):
    run: str  # that does it
    value: bytes | None = None
    error: str = ""

    @property
    def is_under_way(self) -> bool:
        return self.value is None and not self.error


class _Waiter(msgspec.Struct, frozen=True):
    run: str
    key: str
    deliver: Deliver


_WAIT = object()


class OnceResults:
    """Of one batch, or of one run that is ``alone``.

    ``record`` is where it is kept, ``later(seconds, receiver)`` sets a timer.
    """

    def __init__(
        self,
        record: OnceRecord | None = None,
        later: Callable[[float, Callable[[object], None]], object] | None = None,
        *,
        alone: bool = False,
    ) -> None:
        self._alone = alone
        self._record = record
        self._later = later
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._waiting: list[_Waiter] = []
        self._beginning: list[_Waiter] = []  # their run's beginning is not recorded yet
        self._recorded: set[str] = set()  # runs whose beginning is
        self._alive: set[str] = set()
        self._over: set[str] = set()  # runs that never do what they claimed
        self._wake: Callable[[], None] | None = None  # more runs are to begin, and this has one begin immediately
        self._polling = False
        self.stranded = 0
        """Runs that wait for one which has not begun here."""
        self.stranded_on: str | None = None
        """The run they wait for, if it was interrupted and will continue by itself."""

    @property
    def is_idle(self) -> bool:
        """Whether no run of it is alive here: what is recorded can be read again."""
        return not (self._alive or self._waiting or self._beginning)

    # -- the batch

    def expect(self, wake: Callable[[], None] | None) -> None:
        """Whether more runs of the batch are to begin: ``wake`` is called when runs are stranded."""
        with self._lock:
            self._wake = wake
        self._settle()

    def begun(self, run: str) -> None:
        """A run begins. What it failed to do before, it may do now."""
        with self._lock:
            self._alive.add(run)
            self._over.discard(run)
            mine = [entry for entry in self._entries.values() if entry.run == run]
            for entry in mine:
                entry.error = ""
        if mine:
            self._settle()

    def ended(self, run: str) -> None:
        """A run is over, whatever it was doing."""
        with self._lock:
            self._alive.discard(run)
            self._recorded.discard(run)
            self._waiting = [each for each in self._waiting if each.run != run]
            self._beginning = [each for each in self._beginning if each.run != run]
            mine = [entry for entry in self._entries.values() if entry.run == run and entry.is_under_way]
            for entry in mine:
                entry.error = "it ended before that was done"
        if mine:
            self._settle()

    # -- its runs

    def ask(self, run: str, key: str, deliver: Deliver) -> None:
        """See :class:`host.run.once_protocols.OnceAnswers`."""
        waiter = _Waiter(run, key, deliver)
        record = self._record
        with self._lock:
            if record is None or run in self._recorded or self._value(key) is not None:
                record = None
            else:
                self._beginning.append(waiter)
        if record is None:
            self._settle(waiter)
        else:
            record.begun(run, lambda error: self._begun(waiter, error))

    def _begun(self, waiter: _Waiter, error: HostError | None) -> None:
        """The run of a waiter is recorded, so that other processes see who does what it claims; or it is not ours."""
        with self._lock:
            if waiter not in self._beginning:  # it has gone
                return
            self._beginning.remove(waiter)
            if error is None:
                self._recorded.add(waiter.run)
        if error is None:
            self._settle(waiter)
        else:
            waiter.deliver(OnceError(error.message, hint=error.hint))

    def done(self, run: str, key: str, value: bytes, deliver: Deliver) -> None:
        """See :class:`host.run.once_protocols.OnceAnswers`."""

        def then(error: HostError | None) -> None:
            with self._lock:
                self._entries[key] = _Entry(run, value) if error is None else _Entry(run, error=error.message)
            self._settle()
            deliver(value if error is None else OnceError(error.message, hint=error.hint))

        with self._lock:
            entry = self._mine(run, key)
            size = len(value) + sum(len(each.value) for each in self._entries.values() if each.value is not None)
        if entry is None:  # no script comes to this
            deliver(InvalidCall(f"once {key} is not for this run to do"))
        elif entry.value is not None:  # it was recorded, and the run was interrupted before it got the answer
            deliver(entry.value)
        elif size > MOST_BYTES:
            text = f"what the runs of a batch do once gives more than {MOST_BYTES // MB} MB"
            self.failed(run, key, text, lambda _: deliver(LimitError(text)))
        elif self._record is None:
            then(None)
        else:
            self._record.keep(key, run, value, then)

    def failed(self, run: str, key: str, message: str, deliver: Deliver) -> None:
        """See :class:`host.run.once_protocols.OnceAnswers`."""
        with self._lock:
            entry = self._mine(run, key)
            if entry is not None and entry.value is None:
                entry.error = message or "it failed"
        self._settle()
        deliver(b"\x90")

    def _mine(self, run: str, key: str) -> _Entry | None:
        """What a run does, or has done; it may have begun that before it was interrupted."""
        if self._record is not None and key not in self._entries:
            self._read(self._record)
        entry = self._entries.get(key)
        if entry is None and self._alone:  # a durable run has the answer to what it asked from its own log
            entry = self._entries[key] = _Entry(run)
        return entry if entry is not None and entry.run == run else None

    def withdraw(self, deliver: Deliver) -> None:
        """See :class:`host.run.once_protocols.OnceAnswers`."""
        with self._lock:
            found = [each for each in (*self._waiting, *self._beginning) if each.deliver is deliver]
            self._waiting = [each for each in self._waiting if each.deliver is not deliver]
            self._beginning = [each for each in self._beginning if each.deliver is not deliver]
        for each in found:
            each.deliver(CancelledCall("the task was cancelled"))

    # -- steps

    def _settle(self, new: _Waiter | None = None) -> None:
        """Answer all whose answer is known by now, or only look at a new one."""
        with self._lock:
            asked, others = ([new], self._waiting) if new is not None else (self._waiting, [])
            try:
                known, left = self._known(asked)
                self._waiting = [*others, *left] if left else others
                while left and self._is_freed():
                    more, left = self._known(self._waiting)
                    known, self._waiting = [*known, *more], left
            except HostError as error:  # the journal cannot be read or written
                known = [(each, OnceError(error.message, hint=error.hint)) for each in asked]
                self._waiting = others
            if not self._waiting:
                self.stranded, self.stranded_on = 0, None
            wake = self._wake if self.stranded else None
        for waiter, answer in known:
            waiter.deliver(answer)
        if wake is not None:
            wake()

    def _known(self, asked: list[_Waiter]) -> tuple[list[tuple[_Waiter, bytes | CallError | None]], list[_Waiter]]:
        """Whose answer is known, with it, and who is to wait."""
        known: list[tuple[_Waiter, bytes | CallError | None]] = []
        left = []
        if self._record is not None and any(self._value(each.key) is None for each in asked):
            self._read(self._record)
        for waiter in asked:
            answer = self._answer(waiter)
            if answer is _WAIT:
                left.append(waiter)
            else:
                known.append((waiter, answer))  # type: ignore[arg-type]
        return known, left

    def _is_freed(self) -> bool:
        """Whether what those who wait are waiting for has just been given up."""
        doer, self.stranded, self.stranded_on = self._doer(), 0, None
        return doer is None or (doer not in self._alive and self._record is not None and self._strand(doer))

    def _value(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.value

    def _answer(self, waiter: _Waiter) -> object:
        entry = self._entries.get(waiter.key)
        if entry is not None and entry.value is not None:
            return entry.value
        if entry is not None and entry.run == waiter.run and entry.is_under_way:
            return None  # requested before it was interrupted
        if entry is not None and entry.error and entry.run != waiter.run:
            return _failure(waiter.key, entry)
        if self._doer() not in (None, waiter.run):
            return _WAIT
        if entry is None and len(self._entries) >= MOST_KEYS:
            return LimitError(f"the runs of a batch do more than {MOST_KEYS:,} things once")
        while self._record is not None and not self._record.claim(waiter.key, waiter.run):
            self._read(self._record)
            if self._doer() is not None or self._entries.get(waiter.key, entry) is not entry:
                return self._answer(waiter)
        self._entries[waiter.key] = _Entry(waiter.run)
        return None

    def _doer(self) -> str | None:
        """The run that is at work for all."""
        return next((entry.run for entry in self._entries.values() if entry.is_under_way), None)

    def _read(self, record: OnceRecord) -> None:
        """Take in what other processes, and the runs before, have recorded."""
        for key, (run, value) in {key: (run, value) for key, run, value in record.read()}.items():
            known = self._entries.get(key)
            if value is None and run in self._over:
                continue
            if known is None or (known.value is None and (value is not None or known.run != run)):
                self._entries[key] = _Entry(run, value)

    def _strand(self, doer: str) -> bool:
        """All wait for a run that is none of this process; returns whether they do no more."""
        assert self._record is not None
        state = self._record.state(doer)
        mine = {key: entry for key, entry in self._entries.items() if entry.run == doer and entry.is_under_way}
        if state == "over":
            self._over.add(doer)
            for key in mine:
                del self._entries[key]
            return True
        if state in ("running", "queued"):
            self._poll()
            self.stranded_on = doer if state == "queued" else None
        elif self._wake is None:
            hint = f"{self._record.resume(doer)} continues it"
            for entry in mine.values():
                entry.error = f"it was interrupted before that was done ({hint})"
            return True
        self.stranded = len(self._waiting)
        return False

    def _poll(self) -> None:
        if self._later is not None and not self._polling:
            self._polling = True
            self._later(POLL, lambda _: self._look_again())

    def _look_again(self) -> None:
        with self._lock:
            self._polling = False
        self._settle()


def _failure(key: str, entry: _Entry) -> OnceError:
    return OnceError(f"once {key} was done by run {entry.run}, and failed: {entry.error}")
