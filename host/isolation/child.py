"""The code of a script's process: it holds the Lua state, and asks the host over the socket for everything else."""

from __future__ import annotations

import resource
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, process_time
from typing import Any, Never

from msgspec.structs import replace

from host.framing import LostFrame
from host.isolation.frames import (
    BROKE,
    ENTERED,
    EXHAUSTED,
    SPENT,
    FrameSocket,
    Opening,
    decode_any,
    decode_entry,
    decode_opening,
    encode,
    largest,
)
from host.limits import MB, Limits
from host.lua import protocol as p
from host.lua.state import RESERVE, LuaState, ceiling, chunk, home

ASK = 0.05  # seconds of Lua after which the budget hook asks the host whether the run may go on
COPIES = 3  # of the largest frame that may be in memory at once, beside the Lua state
MARGIN = 64 * MB  # for the interpreter's own needs

LOCAL: dict[int, Callable[[bytes], Any]] = {p.PRELUDE: lambda name: chunk(name.decode()), p.HOME: home}


class Inside:
    """Serves one run, then ends the process with ``leave()``, which does not return.

    ``address_space`` is the number of bytes the process has mapped before it runs anything (``None``: not known). A
    state for ``limits`` is made in advance.
    """

    def __init__(
        self, channel: FrameSocket, limits: Limits, address_space: int | None, leave: Callable[[], Never], *, jit: bool
    ) -> None:
        self._channel = channel
        self._leave = leave
        self._address_space = address_space
        self._jit = jit
        self._limits = limits
        self._state = LuaState(self._host, limits, jit=jit)
        self._ask_at = 0.0
        self._cpu_at = 0.0
        self._lua_time = limits.lua_time
        self._reported = False  # whether the host knows that LuaJIT was refused memory

    def serve(self) -> Never:
        """Handle entries until the host closes the socket."""
        try:
            opening = decode_opening(self._channel.receive())
            self._open(opening)
            entry = opening.entry
            while True:
                self._slice()
                try:
                    message = encode((ENTERED, self._state.enter(entry.id, entry.status, entry.a, entry.b)))
                except MemoryError:
                    message = encode((SPENT,))
                    self._report_exhausted()
                self._channel.send(message)
                entry = decode_entry(self._channel.receive())
        except LostFrame:
            self._leave()
        except Exception as error:
            with suppress(Exception):
                self._channel.send(encode((BROKE, f"{type(error).__name__}: {error}".encode()[:1000])))
        self._leave()

    def _open(self, opening: Opening) -> None:
        """Apply the run's limits to the process, and make a new state if they differ from those it was made for."""
        self._lua_time = opening.lua_time
        limits = replace(self._limits, memory=opening.memory, string=opening.string, tasks=opening.tasks)
        if limits != self._limits:
            self._state.close()
            self._state = LuaState(self._host, limits, jit=self._jit)
        if self._address_space is not None:
            size = self._address_space + ceiling(opening.memory) + RESERVE + COPIES * largest(opening.memory) + MARGIN
            limit(resource.RLIMIT_AS, size, size)
        if opening.run_time is not None:
            hard = int(opening.run_time) + 2
            limit(resource.RLIMIT_CPU, hard, hard)

    def _slice(self) -> None:
        """Restart the time a script may take between two calls, here and in the kernel's limit."""
        self._ask_at = monotonic() + ASK
        used = process_time()
        if used >= self._cpu_at:
            self._cpu_at = used + 1
            with suppress(ValueError, OSError):
                hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
                soft = int(used + self._lua_time) + 3
                resource.setrlimit(resource.RLIMIT_CPU, (soft if hard < 0 else min(soft, hard), hard))

    def _host(self, code: int, arguments: tuple[Any, ...]) -> Any:
        """The host function of the state: answers what it can here, and asks the host for the rest."""
        if code == p.TICK:
            now = monotonic()
            if now < self._ask_at:
                return None
            self._ask_at = now + ASK
        elif code in LOCAL:
            return LOCAL[code](*arguments)
        try:
            if code == p.ENDED or code == p.FAILED:
                self._report_exhausted()
            self._channel.send(encode((code, *arguments)))
            answer = decode_any(self._channel.receive())
        except LostFrame:
            self._leave()
        if code == p.CALL or code == p.WAIT:
            self._slice()
            if code == p.WAIT and answer is None:
                self._ask_at = 0.0  # the run is being ended: the next tick asks for the reason
        return tuple(answer) if type(answer) is list else answer

    def _report_exhausted(self) -> None:
        if self._state.exhausted and not self._reported:
            self._reported = True
            self._channel.send(encode((EXHAUSTED,)))
            self._channel.receive()


def limit(what: int, soft: int, hard: int) -> bool:
    """Set a resource limit, if the system has and permits it. Returns whether it is in force."""
    try:
        resource.setrlimit(what, (soft, hard))
    except (ValueError, OSError):
        return False
    return True
