"""Opening and closing hosts, over and over, leaves nothing behind.

``HOST_LEAK_ROUNDS=10000 python -m pytest tests/embedding/test_leaks.py`` is the long form.
"""

from __future__ import annotations

import gc
import os
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
    """Those of closed hosts are about to end, the ones that tests before this left too."""
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
    assert (threading.active_count(), descriptors()) == before
    assert len(gc.get_objects()) - objects < ROUNDS
    # What the allocator keeps in fragments goes up and down by some MB; a leak of 10 KB a host would not hide.
    assert resident() - memory < 40_000 + 5 * ROUNDS
