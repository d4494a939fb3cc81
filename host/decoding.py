"""Bounds of what is decoded: the number of its values and the size of its text, looked at before a value is made.

A byte of JSON or MessagePack can become 72 bytes of Python objects, and decoding holds the interpreter's lock from its
first value to its last. ``MOST_VALUES`` and ``MOST_TEXT`` keep one decode short (docs/benchmarks.md), and within a
run's own memory.
Nothing here is paid for by small data: what is shorter than its bound on values cannot have more of them.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from host.errors import LimitError
from host.limits import MB

__all__ = [
    "LARGE",
    "LEAST_VALUES",
    "MOST_TEXT",
    "MOST_VALUES",
    "check_json",
    "check_msgpack",
    "check_writable",
    "most_values",
    "too_many",
    "unpaused",
]

T = TypeVar("T")

MOST_VALUES = 500_000  # of one decode; a map's keys count too
LEAST_VALUES = 10_000  # that any run may have, however little its memory
VALUE = 64  # bytes a value takes at the least
MOST_TEXT = 32 * MB  # bytes of JSON, escapes counting more often
LARGE = 64 << 10  # bytes from which the garbage collector is kept out, and MessagePack is not believed
ESCAPE = 2  # bytes that an escape costs beside its own, when it is read
CONTROL = 9  # the same when it is written
WINDOW = 1 << 18  # bytes a regular expression looks at before others get the interpreter
_INSIDE = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)  # of a string; possessive: no state to go back to
_ESCAPED = bytes([*range(32), 0x22, 0x5C, 0x7F])


def most_values(memory: int) -> int:
    """How many values a run with that much memory may have decoded at once."""
    return max(LEAST_VALUES, min(MOST_VALUES, memory // VALUE))


def check_json(data: bytes, most: int = MOST_VALUES, text: int | None = MOST_TEXT) -> None:
    """Raise ``LimitError`` for JSON of more than ``most`` values, keys included, or of more than ``text`` bytes."""
    if len(data) <= most:
        return
    if text is not None and (len(data) > text or len(data) + ESCAPE * data.count(b"\\") > text):
        raise _too_long(len(data), "JSON")
    # Each value but the first follows one of these; those inside strings are looked at only where there are so many.
    if 1 + _marks(data, 0, len(data)) > most and _marks_outside_strings(data, most) > most:
        raise too_many(most, "JSON")


def _marks(data: bytes, start: int, end: int) -> int:
    # An empty list or map, also one inside a string, has no first value.
    marks = sum(data.count(mark, start, end) for mark in (b",", b":", b"[", b"{"))
    return marks - data.count(b"[]", start, end) - data.count(b"{}", start, end)


def _marks_outside_strings(data: bytes, most: int) -> int:
    """One more than the marks outside strings, or anything beyond ``most``."""
    count, strings, at = 1, 0, 0
    while count <= most and strings <= most:
        quote = data.find(b'"', at)
        count += _marks(data, at, len(data) if quote < 0 else quote)
        if quote < 0:
            return count
        strings += 1
        at = _end_of_string(data, quote + 1)
    return max(count, strings)


def _end_of_string(data: bytes, at: int) -> int:
    """The place behind the quote that ends the string which goes on at ``at``."""
    while at < len(data):
        found = _INSIDE.match(data, at, at + WINDOW)
        end = found.end() if found else at
        if data[end : end + 1] == b'"':
            return end + 1
        at = end + 2 if end == at else end  # a backslash was the window's last byte: it is passed with the next one
    return len(data)


def check_writable(packed: bytes | memoryview) -> None:
    """Raise ``LimitError`` for a value, as MessagePack, whose JSON would be too long."""
    size = len(packed)
    if size * (1 + CONTROL) <= MOST_TEXT:
        return
    if size <= MOST_TEXT:
        for at in range(0, size, MB):
            part = bytes(packed[at : at + MB])
            size += CONTROL * (len(part) - len(part.translate(None, _ESCAPED)))
    if size > MOST_TEXT:
        raise _too_long(size, "JSON")


def check_msgpack(data: bytes | memoryview, most: int = MOST_VALUES) -> None:
    """Raise ``LimitError`` for MessagePack of more than ``most`` values, ``ValueError`` for what is none.

    Every list and map says how many values it has, and all they say together is how many there are: a forged length
    is refused before room is made for it.
    """
    if len(data) <= LARGE and len(data) <= most:
        return
    declared, due = 1, 1
    for values in _lengths(data):
        declared += values
        if declared > most:
            raise too_many(most, "a value")
        due += values - 1
        if not due:
            return
    raise ValueError("it ends too early")


def _lengths(data: bytes | memoryview) -> Iterator[int]:
    """How many values follow for each value: 0 but for lists and maps."""
    at, end, steps, lengths = 0, len(data), _STEPS, _LENGTHS
    while at < end:
        byte = data[at]
        step = steps[byte]
        if step > 0:
            at += step
            yield lengths[byte]
        elif step < 0:  # so many bytes hold a length
            head = at + 1 - step
            size = int.from_bytes(data[at + 1 : head], "big")
            at = head
            if byte in _CONTAINERS:
                yield size * _CONTAINERS[byte]
            else:
                at += size + _EXTRA.get(byte, 0)
                yield 0
        else:
            raise ValueError(f"a byte that begins no value: {byte}")


_CONTAINERS = {0xDC: 1, 0xDD: 1, 0xDE: 2, 0xDF: 2}
_EXTRA = {0xC7: 1, 0xC8: 1, 0xC9: 1}  # an extension's type
_FIXED = {
    0xC0: 1, 0xC2: 1, 0xC3: 1, 0xCA: 5, 0xCB: 9, 0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9, 0xD0: 2, 0xD1: 3, 0xD2: 5, 0xD3: 9,
    0xD4: 3, 0xD5: 4, 0xD6: 6, 0xD7: 10, 0xD8: 18,
    0xC4: -1, 0xC5: -2, 0xC6: -4, 0xC7: -1, 0xC8: -2, 0xC9: -4, 0xD9: -1, 0xDA: -2, 0xDB: -4,
    0xDC: -2, 0xDD: -4, 0xDE: -2, 0xDF: -4, 0xC1: 0,
}  # fmt: skip
# By first byte: the bytes of a value; negative: of the length that follows; 0: no value begins so.
_STEPS = [_FIXED.get(byte, byte - 0x9F if 0xA0 <= byte < 0xC0 else 1) for byte in range(256)]
_LENGTHS = [0] * 256
_LENGTHS[0x80:0xA0] = [*range(0, 32, 2), *range(16)]


def unpaused(decode: Callable[[bytes], T], data: bytes) -> T:
    """``decode(data)`` without pauses for the garbage collector, which would go through half a million new lists
    five times while they are made: four fifths of the time. Nothing of what it keeps out is garbage yet.
    """
    if len(data) < LARGE or not gc.isenabled():
        return decode(data)
    gc.disable()
    try:
        return decode(data)
    finally:
        gc.enable()


def too_many(most: int, what: str) -> LimitError:
    """What is raised for more values than ``most``."""
    return LimitError(
        f"{what} with more than {most:,} values, the most that is decoded at once",
        hint="Request fewer at once: smaller pages, or parts of a file.",
    )


def _too_long(size: int, what: str) -> LimitError:
    return LimitError(
        f"{what} of {size:,} bytes; at most {MOST_TEXT // MB} MB are read or written at once, where an escape counts "
        "as several bytes",
        hint="Request less at once: smaller pages, or parts of a file.",
    )
