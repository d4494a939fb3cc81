"""The health of a host as text."""

from __future__ import annotations

from host.report.terminal import span
from host.stats import HostStats

__all__ = ["health"]


def health(stats: HostStats) -> str:
    """Three lines: calls, queue and loop, host."""
    return "\n".join(
        (
            f"calls: {stats.answered:,} answered, {stats.failed:,} failed, {stats.in_flight:,} in flight",
            f"queue: {stats.queue_depth:,} in it, {stats.waiting:,} waiting for it, "
            f"oldest {span(stats.oldest_wait)}, loop lag {span(stats.loop_lag)}",
            f"host: {stats.runs:,} runs alive, {stats.threads:,} threads, {stats.processes:,} processes, "
            f"{span(stats.cpu)} of CPU time, {stats.peak_memory / (1 << 20):,.0f} MB at the most",
        )
    )
