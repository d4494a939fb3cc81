"""One heap for all threads, where the system's allocator can be told so."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the allocator is glibc's")

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

GROWN = """
import ctypes, platform, resource, time
from host.heap import follow_heap, share_heap

libc = ctypes.CDLL(None)
if not hasattr(libc, "mallopt") or tuple(map(int, platform.release().split(".")[:2])) < (5, 14):
    raise SystemExit(77)
libc.malloc.restype = libc.sbrk.restype = libc.memset.restype = ctypes.c_void_p
libc.memset.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t)
share_heap()


def pages():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1])


def faults(follow):
    end = libc.sbrk(0)
    while libc.sbrk(0) == end:
        libc.malloc(100_000)
    resident, until = pages(), time.monotonic() + 20
    if follow:
        follow_heap()
        while pages() < resident + 900 and time.monotonic() < until:
            time.sleep(0.01)  # another thread is at it
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(30):
        libc.memset(libc.malloc(100_000), 1, 100_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


print(faults(False), faults(True))
"""


def run(program: str, *args: str) -> str:
    """What it prints in a process of its own."""
    done = subprocess.run([sys.executable, "-c", program, *args], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("this libc has no mallopt, or this kernel cannot")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_the_heap_has_grown_by_is_ready_at_once() -> None:
    printed = run(GROWN)
    one_by_one, ready = map(int, printed.split())
    assert one_by_one > 600  # pages of 3 MB
    assert ready < 60


CANNOT = """
import ctypes, sys, threading
import host.heap
from host.heap import follow_heap, share_heap

libc = ctypes.CDLL(None)
libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
share_heap()
if host.heap._follow is None:
    raise SystemExit(77)


def start(thread):
    raise RuntimeError("can't start new thread")


def grow():
    end = libc.sbrk(0)
    while libc.sbrk(0) == end:
        libc.malloc(100_000)


if sys.argv[1] == "thread":
    threading.Thread.start = start
else:
    host.heap.MADV_POPULATE_WRITE = 12345
grow()
follow_heap()
for thread in threading.enumerate():
    if thread.name == "host-heap":
        thread.join(20)
assert host.heap._follow is None
grow()
follow_heap()
"""


@pytest.mark.parametrize("lacks", ["thread", "advice"])
def test_a_system_that_cannot_goes_without(lacks: str) -> None:
    run(CANNOT, lacks)


def test_a_threads_memory_comes_from_the_one_heap() -> None:
    run(PROGRAM)
