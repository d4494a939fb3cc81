"""A cache of scripts' bytecode by content: a text that is run again is not compiled again.

The bytecode is made here, from source text, by the same LuaJIT that loads it; bytecode from elsewhere is never loaded.
A state in a confined process compiles for itself: its text is not read by a process that holds keys.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from host.lua.state import bytecode

__all__ = ["Chunks"]

MOST = 16 << 20  # bytes kept, text and bytecode together
LARGEST = 1 << 20  # bytes of a text; a longer one is compiled each time
SEEN = 4096  # texts remembered that were run once
ENTRY = 500  # bytes of overhead for a kept text


class Chunks:
    """The bytecode of one host's scripts, the last used of them, up to ``most`` bytes. Thread-safe."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[bytes, bytes], bytes | None] = OrderedDict()
        self._size = 0
        self._seen: OrderedDict[int, None] = OrderedDict()

    def of(self, name: bytes, source: bytes) -> bytes | None:
        """What to load in place of ``source``, with the line numbers that messages need; from the second time on.

        ``None`` for a text that was not run before, and for one that cannot be compiled, whose error the run
        reports.
        """
        if len(source) > LARGEST:
            return None
        key = name, source
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            mark = hash(key)
            if mark not in self._seen:
                self._seen[mark] = None
                if len(self._seen) > SEEN:
                    self._seen.popitem(last=False)
                return None
        code = bytecode(source, name)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = code
                self._size += _size(key, code)
                while self._size > self._most:
                    self._size -= _size(*self._kept.popitem(last=False))
        return code


def _size(key: tuple[bytes, bytes], code: bytes | None) -> int:
    return len(key[0]) + len(key[1]) + len(code or b"") + ENTRY
