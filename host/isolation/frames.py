"""The messages between the host and a script's process, and the socket they are sent over.

A frame (``host.framing``) holds MessagePack. The two sides strictly take turns. The host sends an :class:`EnterFrame`
(the first one within an :class:`Opening`). The script's process then sends requests ``[code, arguments…]`` (codes:
``host.lua.protocol``), each of which is answered with a bare value, until it sends ``[ENTERED, live tasks]``.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from time import monotonic
from typing import Annotated, Any

import msgspec

from host.framing import LostFrame, framed, read_frame
from host.limits import MB, Limits
from host.lua import protocol as p

ENTERED = 32  # (live tasks)
SPENT = 33  # () the state ran out of memory outside the script's own code
BROKE = 34  # (text) the process's own code failed
EXHAUSTED = 35  # () LuaJIT was refused memory for a small block, a defect: see host.lua.state.LuaState

KINDS = 7  # of calls, numbered from 1 (``host.lua.protocol``, "Kinds of CALL")
AHEAD = 1 << 16  # bytes read at once; since the sides take turns, no second frame can follow
HELD = 0.002  # seconds a wait may take before this thread counts as blocked

Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Place = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Plain = bytes | int | float | bool | None


class _Said(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True, gc=False):
    """A message of the script's process. The fields are its arguments, in order."""


class CallFrame(_Said, frozen=True, tag=p.CALL):
    id: Place
    kind: Annotated[int, msgspec.Meta(ge=p.OPERATION, le=KINDS)]
    target: bytes
    payload: bytes | None
    options: bytes | None
    path: bytes = b""
    n: Place = 0
    line: Number | None = None


class Tick(_Said, frozen=True, tag=p.TICK):
    pass


class Wait(_Said, frozen=True, tag=p.WAIT):
    pass


class Cancel(_Said, frozen=True, tag=p.CANCEL):
    id: Place


class Out(_Said, frozen=True, tag=p.OUT):
    data: bytes


class LinesFrame(_Said, frozen=True, tag=p.LINES):
    file: bytes
    counts: bytes


class EndedFrame(_Said, frozen=True, tag=p.ENDED):
    value: bytes
    status: Annotated[int, msgspec.Meta(ge=0, le=255)] | None = None
    several: bool = False


class Failed(_Said, frozen=True, tag=p.FAILED):
    facts: bytes


class Global(_Said, frozen=True, tag=p.NAME):
    name: bytes


class MethodFrame(_Said, frozen=True, tag=p.METHOD):
    operation: bytes
    name: bytes


class CheckFrame(_Said, frozen=True, tag=p.CHECK):
    operation: bytes
    name: bytes
    value: bytes
    currency: bytes | None = None
    version: bytes | None = None


class Tool(_Said, frozen=True, tag=p.TOOL):
    name: bytes
    a: Plain = None
    b: Plain = None


class Member(_Said, frozen=True, tag=p.MEMBER):
    namespace: bytes
    key: bytes


class Entered(_Said, frozen=True, tag=ENTERED):
    live: Number


class Spent(_Said, frozen=True, tag=SPENT):
    pass


class Exhausted(_Said, frozen=True, tag=EXHAUSTED):
    pass


class Broke(_Said, frozen=True, tag=BROKE):
    text: bytes


Said = (
    CallFrame
    | Tick
    | Wait
    | Cancel
    | Out
    | LinesFrame
    | EndedFrame
    | Failed
    | Global
    | MethodFrame
    | CheckFrame
    | Tool
    | Member
    | Entered
    | Spent
    | Broke
    | Exhausted
)


class EnterFrame(msgspec.Struct, array_like=True, frozen=True):
    """The arguments of ``enter``."""

    id: int
    status: Plain
    a: bytes | None
    b: Plain


class Opening(msgspec.Struct, array_like=True, frozen=True):
    """The first frame: the run's limits, and its first entry."""

    memory: int
    string: int
    tasks: int
    lua_time: float
    run_time: float | None
    entry: EnterFrame


encode = msgspec.msgpack.Encoder().encode
decode_said = msgspec.msgpack.Decoder(Said).decode
decode_opening = msgspec.msgpack.Decoder(Opening).decode
decode_entry = msgspec.msgpack.Decoder(EnterFrame).decode
decode_any = msgspec.msgpack.Decoder().decode


def largest(memory: int) -> int:
    """The largest frame, in bytes, of a run with ``memory`` bytes: all that fits into it, and a little more."""
    return memory + MB


def opening(limits: Limits, entry: EnterFrame) -> bytes:
    """The first frame of a run."""
    return encode(Opening(limits.memory, limits.string, limits.tasks, limits.lua_time, limits.run_time, entry))


class FrameSocket:
    """One end of the socket. ``sock`` must be non-blocking for deadlines to hold. ``most`` bounds a received frame.

    ``held()`` is entered while a wait takes longer than ``HELD`` seconds. All methods raise :class:`LostFrame` if the
    other end is gone (``"gone"``) or the deadline has passed (``"late"``).
    """

    __slots__ = ("_held", "_poll", "_sock", "most")

    def __init__(
        self, sock: socket.socket, most: int, held: Callable[[], AbstractContextManager[Any]] = nullcontext
    ) -> None:
        self._sock = sock
        self._poll: select.poll | None = None
        self._held = held
        self.most = most

    def send(self, data: bytes, until: float = 0.0) -> None:
        """Send one frame. ``until`` is a deadline on :func:`time.monotonic`."""
        for part in framed(data):
            self._send(part, until)

    def receive(self, until: float = 0.0) -> memoryview:
        """Wait for the next frame and return its content."""
        return read_frame(self, self.most, ahead=AHEAD, until=until)

    def close(self) -> None:
        self._sock.close()

    def _send(self, data: bytes, until: float) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._sock.send(rest) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, until)
            except OSError as error:
                raise LostFrame("gone") from error

    def read_some(self, size: int, until: float) -> bytes:
        while True:
            try:
                return self._sock.recv(size)
            except BlockingIOError:
                self._wait(select.POLLIN, until)
                continue
            except OSError as error:
                raise LostFrame("gone") from error

    def read_into(self, rest: memoryview, until: float) -> int:
        while True:
            try:
                return self._sock.recv_into(rest)
            except BlockingIOError:
                self._wait(select.POLLIN, until)
                continue
            except OSError as error:
                raise LostFrame("gone") from error

    def _wait(self, event: int, until: float) -> None:
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._sock, event)
        self._poll.modify(self._sock, event)
        left = until - monotonic()
        if left <= 0:
            raise LostFrame("late")
        if self._poll.poll(min(left, HELD) * 1000):
            return
        with self._held():
            left = until - monotonic()
            if left <= 0 or not self._poll.poll(left * 1000):
                raise LostFrame("late")
