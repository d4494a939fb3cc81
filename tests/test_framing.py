"""One codec cuts messages between processes, whatever they cross: sockets and pipes."""

from __future__ import annotations

import ast
import os
import random
import socket
import threading
from pathlib import Path

import pytest

from host.framing import HEADER, JOINED, LARGEST, LostFrame, framed, read_frame
from host.isolation.frames import FrameSocket
from host.processes.channel import FramePipes

HOST = Path(__file__).parent.parent / "host"


class Pieces:
    """A stream that gives no more at once than the sizes drawn."""

    def __init__(self, data: bytes, seed: int) -> None:
        self._data = data
        self._random = random.Random(seed)

    def read_some(self, size: int, until: float) -> bytes:
        got = self._data[: self._random.randint(1, size)]
        self._data = self._data[len(got) :]
        return got

    def read_into(self, rest: memoryview, until: float) -> int:
        got = self.read_some(len(rest), until)
        rest[: len(got)] = got
        return len(got)


@pytest.mark.parametrize("seed", range(20))
def test_frames_arrive_however_the_stream_is_cut(seed: int) -> None:
    """Empty, small and large messages in a row, read in pieces of any size; then the end."""
    messages = [b"", b"a", b"x" * 3, b"y" * 1000, bytes(range(256)) * 300]
    stream = Pieces(b"".join(part for each in messages for part in framed(each)), seed)
    assert [bytes(read_frame(stream)) for _ in messages] == messages
    with pytest.raises(LostFrame) as lost:
        read_frame(stream)
    assert lost.value.why == "gone"


@pytest.mark.parametrize("kept", [1, 3, HEADER, HEADER + 1, HEADER + 99])
def test_an_end_within_a_frame_is_an_end(kept: int) -> None:
    """Half a length or half a message is never taken for a message."""
    with pytest.raises(LostFrame) as lost:
        read_frame(Pieces(b"".join(framed(b"z" * 100))[:kept], kept))
    assert lost.value.why == "gone"


def test_a_frame_above_the_bound_is_not_read() -> None:
    """The length alone is enough to refuse it; nothing of that size is allocated."""
    for size, most in ((11, 10), (LARGEST, 1 << 20)):
        with pytest.raises(LostFrame, match=f"{size:,} bytes at once") as lost:
            read_frame(Pieces(size.to_bytes(HEADER, "little"), 1), most)
        assert lost.value.why == "abuse"
    assert bytes(read_frame(Pieces(b"".join(framed(b"0123456789")), 1), 10)) == b"0123456789"


def test_what_follows_a_frame_out_of_turn_is_abuse() -> None:
    """Where the sides take turns, two frames at once are none."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"".join((*framed(b"one"), *framed(b"two"))))
        with pytest.raises(LostFrame, match="out of turn"):
            FrameSocket(ours, 1000).receive()


def test_a_message_that_fits_in_no_frame_is_refused() -> None:
    """Its length is said, instead of a part of it being sent."""

    class Huge(bytes):
        def __len__(self) -> int:
            return LARGEST + 1

    with pytest.raises(ValueError, match="4,294,967,296 bytes does not fit"):
        framed(Huge())


@pytest.mark.parametrize("size", [0, 1, JOINED - 1, JOINED, JOINED + 1])
def test_a_small_message_is_one_write_and_a_large_one_is_not_copied(size: int) -> None:
    """Both are the same bytes on the wire."""
    message = b"m" * size
    parts = framed(message)
    assert b"".join(parts) == size.to_bytes(HEADER, "little") + message
    assert len(parts) == (1 if size < JOINED else 2)


def test_sockets_and_pipes_speak_alike() -> None:
    """A frame written by the one is read by the other."""
    reading, theirs_writing = os.pipe()
    theirs_reading, writing = os.pipe()
    pipes = FramePipes(reading, writing, "test-frames")
    got: list[bytes] = []
    listener = threading.Thread(target=lambda: got.extend(bytes(each) for each in pipes.frames()))
    listener.start()
    messages = [b"first", b"", b"long" * 50_000]
    for each in messages:
        for part in framed(each):
            rest = memoryview(part)
            while rest:
                rest = rest[os.write(theirs_writing, rest) :]
    os.close(theirs_writing)
    listener.join()
    assert got == messages
    pipes.send(b"answer")
    assert pipes.flush(10.0)
    assert os.read(theirs_reading, 100) == b"".join(framed(b"answer"))
    pipes.close()
    pipes.close_reading()
    os.close(theirs_reading)


def test_no_other_file_puts_a_length_before_a_message() -> None:
    """Lengths of messages are written and read in ``host/framing.py`` only."""
    found = {
        path.relative_to(HOST).as_posix()
        for path in HOST.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("to_bytes", "from_bytes")
        and any(isinstance(each, ast.Constant) and each.value in ("little", "big") for each in node.args)
    }
    assert found - {"framing.py"} == {
        "decoding.py",  # lengths within MessagePack, bounded before it is decoded
        "isolation/zygote_client.py",  # commands to the zygote, of one fixed size
        "isolation/zygote.py",  # the same, its side
        "run/builtins.py",  # a random seed
        "cassettes/tape.py",  # the same, of a run that is recorded
    }
