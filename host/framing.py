"""How messages between processes are cut: 4 bytes of length, little-endian, then the message.

One codec for the sockets of isolated scripts and the pipes of worker processes. It knows no file and no waiting: who
reads gives a :class:`ByteStream`.
"""

from __future__ import annotations

from typing import Literal, Protocol

__all__ = ["HEADER", "LARGEST", "ByteStream", "LostFrame", "framed", "read_frame"]

HEADER = 4
LARGEST = (1 << 32) - 1
JOINED = 1 << 16  # bytes up to which copying a message costs less than a second write


class LostFrame(Exception):
    """The other end is gone. Internal: it ends as the error of a run or process.

    ``why``: ``"gone"`` it closed its end or died, ``"late"`` it kept silent too long, ``"abuse"`` it said
    something the protocol does not have.
    """

    def __init__(self, why: Literal["gone", "late", "abuse"], detail: str = "") -> None:
        super().__init__(detail or why)
        self.why = why
        self.detail = detail


class ByteStream(Protocol):
    """What a frame is read from. Both methods wait for at least one byte and give nothing only at the end."""

    def read_some(self, size: int, until: float) -> bytes:
        """At most ``size`` bytes; ``until`` is a ``monotonic()`` where there is one to keep."""

    def read_into(self, rest: memoryview, until: float) -> int:
        """Fill the beginning of ``rest``; returns how many bytes."""


def framed(message: bytes) -> tuple[bytes, ...]:
    """The frame of a message, to be written in one piece or two. Raises ``ValueError`` for what fits in none."""
    size = len(message)
    if size > LARGEST:
        raise ValueError(f"a message of {size:,} bytes does not fit in a frame, which holds {LARGEST:,}")
    head = size.to_bytes(HEADER, "little")
    return (head + message,) if size < JOINED else (head, message)


def read_frame(stream: ByteStream, most: int = LARGEST, *, ahead: int = HEADER, until: float = 0.0) -> memoryview:
    """The next message. Raises :class:`LostFrame` at the end, also one within a frame, and for more than ``most``.

    ``ahead``: how much may be read at once where sides take turns, so that nothing follows a frame; what does is abuse.
    """
    data = stream.read_some(ahead, until)
    while data and len(data) < HEADER:
        more = stream.read_some(HEADER - len(data), until)
        data = data + more if more else b""
    if not data:
        raise LostFrame("gone")
    size = int.from_bytes(data[:HEADER], "little")
    if size > most:
        raise LostFrame("abuse", f"it sent {size:,} bytes at once")
    have = len(data) - HEADER
    if have > size:
        raise LostFrame("abuse", "it spoke out of turn")
    if have == size:
        return memoryview(data)[HEADER:]
    whole = bytearray(size)
    whole[:have] = memoryview(data)[HEADER:]
    rest = memoryview(whole)[have:]
    while rest:
        got = stream.read_into(rest, until)
        if not got:
            raise LostFrame("gone")
        rest = rest[got:]
    return memoryview(whole)
