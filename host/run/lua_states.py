"""The Lua states of a host's runs, in this process: made when a run begins, closed some time after it has ended.

Needed for 1,000 scripts at once (docs/benchmarks.md): closing a state frees a thousand objects one by one, which by
then are in no cache. So where many runs end together, their results come before anything is closed. While runs follow
one another a state is closed immediately instead: it is in the caches still, and what it frees is what the next one
takes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from host.errors import ClosedError
from host.limits import Limits
from host.lua.state import HostFunction, LuaState

if TYPE_CHECKING:
    from host.bridge.worker import AsyncWorker

__all__ = ["States"]

REST = 1.0  # seconds after which a state that was left is closed, at the latest after twice as many
FOLLOW = 0.05  # seconds since the last state was made within which runs count as following one another
LARGE = 1 << 20  # bytes of a state that is closed immediately
SLICE = 16  # states closed before it is the loop's turn


class _State(LuaState):
    """A state that closes when there is time."""

    __slots__ = ("_states",)

    def __init__(self, states: States, host: HostFunction, limits: Limits, building: bool) -> None:
        super().__init__(host, limits, building)
        self._states = states

    def close(self) -> None:
        self._host = None  # the run is kept no longer
        self._states.leave(self)

    def free(self) -> None:
        super().close()


class States:
    """Makes states, and closes those left: immediately, or one for each new one and the others soon. Thread-safe.

    So there are never more states, in use and left, than were in use at once.
    """

    def __init__(self, worker: AsyncWorker, clock: Callable[[], float] = monotonic) -> None:
        self._worker = worker
        self._clock = clock
        self._made = 0.0  # when the last one was
        self._left: deque[_State] = deque()
        self._due = False  # the loop will see to them
        self.exhausted = 0  # states that LuaJIT refused memory: see LuaState

    def new(self, host: HostFunction, limits: Limits, building: bool) -> LuaState:
        """See :class:`~host.lua.state.LuaState`."""
        if self._left:
            self._free(1)
        self._made = self._clock()
        return _State(self, host, limits, building)

    def leave(self, state: _State) -> None:
        """A run is over: its state is used no more."""
        self.exhausted += state.exhausted
        if state.size > LARGE or self._clock() - self._made < FOLLOW:
            state.free()
            return
        self._left.append(state)
        if not self._due:
            self._wait()

    def close(self) -> None:
        """Close all that were left."""
        self._free(len(self._left))

    def _wait(self) -> None:
        self._due = True
        try:
            self._worker.call_soon(self._rest)
        except (ClosedError, RuntimeError):  # there is no loop any more
            self.close()

    def _free(self, most: int) -> None:
        for _ in range(most):
            try:
                self._left.popleft().free()
            except IndexError:  # another thread was faster
                return

    # -- on the loop

    def _rest(self) -> None:
        self._worker.after(REST, self._reap)

    def _reap(self, most: int | None = None) -> None:
        """Close those there are now, a few in each round of the loop."""
        most = len(self._left) if most is None else most
        self._free(min(most, SLICE))
        if most > SLICE:
            self._worker.after(0.0, self._reap, most - SLICE)
            return
        self._due = False
        if self._left:
            self._wait()
