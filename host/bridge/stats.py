"""The health of a worker, in numbers."""

from __future__ import annotations

import msgspec


class WorkerStats(msgspec.Struct, frozen=True):
    """Counts are requests, times seconds.

    ``queue_depth`` is the number waiting in the queue (at most its capacity), ``waiting`` the number parked beyond it.
    ``answered`` and ``failed`` count replies since the start, with a value and with an error.
    ``oldest_wait`` is how long the longest waiting request has waited for its start, ``loop_lag`` how long
    the loop took to react the last time it was woken.
    """

    queue_depth: int
    waiting: int
    in_flight: int
    answered: int
    failed: int
    oldest_wait: float
    loop_lag: float
