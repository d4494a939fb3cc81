"""The memory allocator of a process that is this program's own."""

from __future__ import annotations

import sys

__all__ = ["share_heap"]

# <malloc.h>
M_TOP_PAD = -2
M_ARENA_MAX = -8
GROWTH = 4 << 20  # bytes


def share_heap() -> None:
    """Have all threads allocate from one heap, which grows by some megabytes at once.

    By default glibc gives each thread a heap of its own, and lets it grow by a page and a system call at a time: a
    thousand Lua states are 25,000 of them, a twentieth of what a run of them takes. Nothing on other systems. Not for
    a program that embeds the host, whose heap is its own to set (``MALLOC_ARENA_MAX``).
    """
    if sys.platform != "linux":
        return
    import ctypes  # takes 4 ms: only what runs many scripts pays for it

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_TOP_PAD, GROWTH)
