"""One heap for all threads, where the system's allocator can be told so."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, threading
from host.heap import share_heap

libc = ctypes.CDLL(None)
if not hasattr(libc, "mallopt"):
    raise SystemExit(77)
libc.malloc.restype = ctypes.c_void_p
share_heap()

found = []
thread = threading.Thread(target=lambda: found.extend(libc.malloc(2000) for _ in range(100)))
thread.start()
thread.join()
with open("/proc/self/maps") as maps:
    heap = next(line.split()[0] for line in maps if line.rstrip().endswith("[heap]"))
low, high = (int(end, 16) for end in heap.split("-"))
assert all(low <= address < high for address in found), (heap, list(map(hex, found)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator is glibc's")
def test_a_threads_memory_comes_from_the_one_heap() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("this libc has no mallopt")
    assert done.returncode == 0, done.stderr
