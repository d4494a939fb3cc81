"""How a host is doing: its queue, its loops, its runs, what it takes of the machine."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec

from host.bridge.stats import WorkerStats

if TYPE_CHECKING:
    from host.processes.pool import WorkerProcesses

__all__ = ["HostStats", "measure"]


class HostStats(WorkerStats, frozen=True):
    """Of all processes of a host together; ``oldest_wait`` and ``loop_lag`` are those of the worst.

    ``runs`` are alive, ``threads`` run them, ``processes`` is how many they are in. ``cpu`` is seconds and
    ``peak_memory`` the most bytes resident, both with all else that is in these processes. ``exhausted`` is how many
    runs LuaJIT itself refused memory bit by bit, which no script is to bring about: a defect of this project.
    """

    runs: int
    threads: int
    processes: int
    cpu: float
    peak_memory: int
    exhausted: int = 0


def measure(
    worker: WorkerStats, runs: int, threads: int, worker_processes: WorkerProcesses | None, exhausted: int = 0
) -> HostStats:
    """The stats of this process, and with ``worker_processes`` of those that its runs are in."""
    known = msgspec.structs.asdict(worker)
    own = HostStats(
        **known,
        runs=runs,
        threads=threads,
        processes=1,
        cpu=time.process_time(),
        peak_memory=_peak_memory(),
        exhausted=exhausted,
    )
    if worker_processes is None:
        return own
    # What the parent's own worker did for its children's simulated calls would count twice.
    mine = {"cpu": own.cpu, "peak_memory": own.peak_memory, "runs": worker_processes.waiting}
    return _together([mine, *worker_processes.stats()])


def _together(parts: list[dict[str, Any]]) -> HostStats:
    found: dict[str, Any] = {}
    for name in HostStats.__struct_fields__:
        values = [part[name] for part in parts if name in part]
        worst = name in ("oldest_wait", "loop_lag")
        found[name] = max(values, default=0.0) if worst else sum(values)
    return HostStats(**found)


def _peak_memory() -> int:
    """Bytes. ``ru_maxrss`` would include whatever program started this one, so /proc is better."""
    try:
        with open("/proc/self/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    if os.name == "nt":  # it has no resource module
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10
