"""Opening and closing hosts, over and over, leaves nothing behind.

``HOST_LEAK_ROUNDS=10000 python -m pytest tests/embedding/test_leaks.py`` is the long form.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

from host import Host

ROUNDS = int(os.environ.get("HOST_LEAK_ROUNDS", "200"))


def resident() -> int:
    """KB of memory this process has in use."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def wait_for_threads() -> None:
    """Those of closed hosts are about to end."""
    for thread in threading.enumerate():
        if thread.name.startswith("host-"):
            thread.join(10)


def one_round() -> None:
    with Host(simulate=True) as host:

        @host.function(effect="read")
        def plain(n: int) -> int:
            return n

        @host.function(effect="read")
        async def awaited(n: int) -> int:
            return n

        code = 'return plain(1) + awaited(1) + #new_product():name("x"):create()'
        assert host.run_source(code).raise_for_error().value > 2


def test_hosts_leave_no_thread_descriptor_or_memory_behind() -> None:
    """In a process of its own: threads that tests before this one left would end while it counts."""
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def leave_nothing_behind() -> None:
    """Threads, descriptors and Python's objects are those of before; memory stays within what it was at first."""
    for _ in range(50):
        one_round()
    wait_for_threads()
    gc.collect()
    before = threading.active_count(), descriptors()
    objects, memory = len(gc.get_objects()), resident()
    for n in range(ROUNDS):
        one_round()
        if n % 50 == 0:
            gc.collect()
    wait_for_threads()
    gc.collect()
    after = threading.active_count(), descriptors()
    assert after == before, f"threads and descriptors: {after}, before {before}"
    added = len(gc.get_objects()) - objects
    assert added < ROUNDS, f"{added} objects more"
    # What the allocator keeps in fragments goes up and down by some MB; a leak of 10 KB a host would not hide.
    grown = resident() - memory
    assert grown < 40_000 + 5 * ROUNDS, f"{grown} KB more"


if __name__ == "__main__":
    leave_nothing_behind()
