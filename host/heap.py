"""The memory allocator of a process that is this program's own."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue

__all__ = ["follow_heap", "share_heap"]

# <malloc.h>, <sys/mman.h>
M_TOP_PAD = -2
M_ARENA_MAX = -8
MADV_POPULATE_WRITE = 23
GROWTH = 4 << 20  # bytes

_follow: Callable[[], None] | None = None


def share_heap() -> None:
    """Have all threads allocate from one heap, which grows by some megabytes at once.

    By default glibc gives each thread a heap of its own, and lets it grow by a page and a system call at a time: a
    thousand Lua states are 25,000 of them, a twentieth of what a run of them takes. Nothing on other systems. Not for
    a program that embeds the host, whose heap is its own to set (``MALLOC_ARENA_MAX``).
    """
    global _follow
    if sys.platform != "linux":
        return
    import ctypes  # takes 4 ms: only what runs many scripts pays for it

    libc = ctypes.CDLL(None, use_errno=True)
    mallopt = getattr(libc, "mallopt", None)  # musl has none
    if mallopt is None:
        return
    mallopt(M_ARENA_MAX, 1)
    mallopt(M_TOP_PAD, GROWTH)
    sbrk, madvise = libc.sbrk, libc.madvise
    sbrk.argtypes, sbrk.restype = (ctypes.c_ssize_t,), ctypes.c_void_p
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    grown: SimpleQueue[tuple[int, int]] = SimpleQueue()  # where from, and how many bytes
    end, begun = sbrk(0), False
    page = os.sysconf("SC_PAGE_SIZE")

    def populate() -> None:
        global _follow
        while True:
            start, size = grown.get()
            if madvise(start, size, MADV_POPULATE_WRITE) and ctypes.get_errno() == errno.EINVAL:  # an older Linux
                _follow = None
                return

    def follow() -> None:
        nonlocal end, begun
        global _follow
        before, end = end, sbrk(0)
        if end > before:
            start = -(-before // page) * page
            grown.put((start, end - start))
            if not begun:
                begun = True
                try:
                    threading.Thread(target=populate, name="host-heap", daemon=True).start()
                except RuntimeError:  # the system has no more threads: it goes without
                    _follow = None

    _follow = follow


def follow_heap() -> None:
    """Have the pages by which the shared heap has grown made ready by another thread, before they are needed.

    A page that is made where it is first written to costs an interrupt each, 3 µs in the midst of other work: of a
    thousand Lua states that is a tenth of what a run of them takes. Nothing unless :func:`share_heap` was called, nor
    before Linux 5.14.
    """
    if _follow is not None:
        _follow()
