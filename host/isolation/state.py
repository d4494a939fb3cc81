"""A run's Lua state in another process, entered like one in this process. It trusts nothing it receives."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from time import monotonic
from typing import Any, Protocol

import msgspec

from host.errors import ScriptError
from host.framing import LostFrame
from host.isolation.frames import (
    Broke,
    CallFrame,
    Cancel,
    EndedFrame,
    Entered,
    EnterFrame,
    Exhausted,
    Failed,
    FrameSocket,
    Said,
    Spent,
    Wait,
    decode_said,
    encode,
    largest,
    opening,
)
from host.limits import Limits
from host.lua import protocol as p
from host.lua.state import HostFunction

KILL_MARGIN = 1.0  # seconds beyond the time a script may take before its process is killed
GRACE = 0.5  # seconds a process has to end its run once it is asked to
YEAR = 366 * 86400.0
MOST_LATE = 20  # frames that are still read after the script's time has ended, since a busy host may be late itself
SPARE = 100  # calls that no task waits for, such as transactions being rolled back


class Process(Protocol):
    """The process behind a state. The methods may be called on any thread, and raise nothing."""

    def kill(self) -> None:
        """Kill the process. A second call does nothing."""

    def status(self) -> int | None:
        """Kill the process if it is alive. Returns its wait status, or ``None`` if that is not known."""


class ChildState:
    """A ``LuaState`` at the other end of a socket, with the same ``enter``, ``stop`` and ``close``.

    ``later(seconds, receiver)`` sets a timer that has a ``cancel()``. ``held()`` is entered while the process keeps the
    caller waiting. ``exhausted()`` is called once if the process reports that LuaJIT was refused memory. If the process
    dies, takes longer than the limits or breaks the protocol, it is killed and ``enter`` raises ``ScriptError``.
    ``enter`` raises ``MemoryError`` as that of ``LuaState`` does.
    """

    __slots__ = (
        "_cancelled",
        "_channel",
        "_ended",
        "_exhausted",
        "_first",
        "_host",
        "_last",
        "_late",
        "_later",
        "_limits",
        "_process",
        "_timer",
        "_until",
        "_waiting",
    )  # fmt: skip

    def __init__(
        self,
        host: HostFunction,
        limits: Limits,
        process: Process,
        sock: Any,
        *,
        later: Callable[[float, Callable[[Any], None]], Any],
        held: Callable[[], AbstractContextManager[Any]],
        exhausted: Callable[[], None] | None = None,
    ) -> None:
        sock.setblocking(False)
        self._host = host
        self._limits = limits
        self._process = process
        self._channel = FrameSocket(sock, largest(limits.memory), held)
        self._later = later
        self._timer: Any = None
        self._first = True
        self._ended = False  # the run's end was reported
        self._last = 0  # the number of the last call; numbers go up by one
        self._waiting: set[int] = set()  # calls and sleeps that still get a reply
        self._cancelled: set[int] = set()  # those of ``_waiting`` that no task waits for any more
        self._until = math.inf
        self._late = 0
        self._exhausted: Callable[[], None] | None = exhausted

    def enter(self, id: int, status: Any = 0, a: bytes | None = None, b: Any = None) -> int:
        """See :meth:`host.lua.state.LuaState.enter`."""
        if len(a or b"") + (len(b) if type(b) is bytes else 0) > self._limits.memory:
            status, a, b = p.ERROR, None, None
        self._answered(id)
        self._begin_slice()
        try:
            entry = EnterFrame(id, status, a, b)
            self._channel.send(opening(self._limits, entry) if self._first else encode(entry), self._until)
            self._first = False
            while True:
                said = self._heard()
                if type(said) is Entered:
                    return self._entered(said)
                if type(said) is Spent:
                    raise MemoryError
                if type(said) is Broke:
                    raise LostFrame("gone", said.text.decode("utf-8", "replace"))
                if type(said) is Exhausted:
                    self._count_exhausted()
                    self._channel.send(encode(None), self._until)
                    continue
                answer = self._answer(said)
                if self._ended:
                    return 0
                self._channel.send(encode(answer), self._until)
        except LostFrame as lost:
            raise self._failure(lost) from None

    def collect(self) -> None:
        """Do nothing: collecting garbage would not make the other process noticeably smaller."""

    def stop(self) -> None:
        """Kill the process unless the run ends within ``GRACE`` seconds. May be called on any thread."""
        if self._timer is None:
            self._timer = self._later(GRACE, lambda _: self._process.kill())

    def close(self) -> None:
        """End the process and close the socket. A second call does nothing."""
        if self._timer is not None:
            self._timer.cancel()
        self._process.kill()
        self._channel.close()

    def _count_exhausted(self) -> None:
        notify, self._exhausted = self._exhausted, None
        if notify is not None:  # once per run, however often it is reported
            notify()

    def _heard(self) -> Said:
        data = self._channel.receive(self._until)
        if monotonic() > self._until:  # frames that are already there are read without checking the deadline
            self._late += 1
            if self._late > MOST_LATE:
                raise LostFrame("late")
        try:
            said: Said = decode_said(data)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise LostFrame("abuse", "it sent a message that is not part of the protocol") from error
        return said

    def _entered(self, said: Entered) -> int:
        if not self._waiting:  # the run has not ended and waits for nothing
            raise LostFrame("abuse", "it waits for nothing")
        if said.live > self._limits.tasks:
            raise LostFrame("abuse", f"it has {said.live:,} tasks, more than its {self._limits.tasks:,}")
        return max(said.live, 1)

    def _answer(self, said: Said) -> Any:
        """The host's answer to a request. Raises ``LostFrame`` for a request the prelude would never send."""
        kind = type(said)
        if kind is CallFrame:
            self._check_call(said)
        elif kind is Wait and not self._waiting:
            raise LostFrame("abuse", "it waits for nothing")
        elif kind is Cancel and said.id in self._waiting:  # type: ignore[union-attr]
            self._cancelled.add(said.id)  # type: ignore[union-attr]
        code: Any = said.__struct_config__.tag
        answer = self._host(code, msgspec.structs.astuple(said))
        if kind is CallFrame:
            self._begin_slice()
            if answer is None:
                self._waiting.add(said.id)  # type: ignore[union-attr]
        elif kind is Wait:
            self._begin_slice()
            if answer is not None:
                self._answered(answer[0])
                return self._fitting(answer, (answer[0], p.ERROR, None, None))
            return None
        elif kind is EndedFrame or kind is Failed:
            if answer is not None:
                raise LostFrame("abuse", "its last message could not be read")
            self._ended = True
        return self._fitting(answer, (p.ERROR, None) if type(answer) is tuple else None)

    def _check_call(self, said: Any) -> None:
        if said.id != self._last + 1:
            raise LostFrame("abuse", "its calls are out of order")
        self._last = said.id
        # A task waits for one call or sleep. No task waits for a cancelled one, which may still be in flight.
        most = self._limits.tasks + SPARE
        if len(self._waiting) - len(self._cancelled) >= most or len(self._waiting) >= most + self._limits.calls:
            raise LostFrame("abuse", f"it has more calls and sleeps open at once than its {self._limits.tasks:,} tasks")
        if said.kind == p.SLEEP:
            try:
                seconds = float(said.target)
            except ValueError:
                seconds = -1.0
            if not 0 <= seconds <= YEAR:
                raise LostFrame("abuse", "it asked to sleep for an impossible time")

    def _answered(self, id: int) -> None:
        self._waiting.discard(id)
        self._cancelled.discard(id)

    def _fitting(self, answer: Any, instead: Any) -> Any:
        size = 0
        if type(answer) is bytes:
            size = len(answer)
        elif type(answer) is tuple:
            size = sum(len(item) for item in answer if type(item) is bytes)
        return answer if size <= self._limits.memory else instead

    def _begin_slice(self) -> None:
        self._until = monotonic() + self._limits.lua_time + KILL_MARGIN
        self._late = 0

    def _failure(self, lost: LostFrame) -> ScriptError:
        """Kill the process if needed, and return the error that says why."""
        if lost.why == "late":
            self._process.kill()
            seconds = self._limits.lua_time
            text = f"the script ran for more than {seconds:g} s without a call, and was killed"
            return ScriptError(text, kind="limit")
        if lost.why == "abuse":
            self._process.kill()
            return ScriptError(f"the isolated script process was killed: {lost.detail}", kind="host")
        status = self._process.status()
        if lost.detail:
            return ScriptError(f"the isolated script process failed: {lost.detail}", kind="host")
        return _ended(status)


def _ended(status: int | None) -> ScriptError:
    who = "the isolated script process"
    number = 0 if status is None else status & 0x7F
    if number == signal.SIGXCPU:
        return ScriptError(f"{who} used up its CPU time", kind="limit")
    if number:
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        return ScriptError(
            f"{who} was ended by {name}",
            kind="host",
            hint="The system may have been out of memory." if number == signal.SIGKILL else None,
        )
    return ScriptError(f"{who} ended before its run did", kind="host")
