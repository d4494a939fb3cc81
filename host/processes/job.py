"""The message by which a worker process is instructed to start a run."""

from __future__ import annotations

from host.errors import UsageError
from host.lua.values import to_lua
from host.processes.messages import StartJob
from host.remote.job import NO_VALUES, RemoteJob, narrowing, packed_texts
from host.run.job import Job

__all__ = ["start_job"]


def start_job(id: int, run_id: str, job: Job, timeout: float | None, *, watched: bool = False) -> StartJob:
    """The message that starts a job, except the key by which the process knows its script. ``timeout`` is in seconds.

    Raises ``InvalidCall`` and ``LimitError`` for globals that cannot be passed to Lua, ``UsageError`` for options that
    worker processes do not support.
    """
    if job.quotas:
        raise UsageError(
            "a budget is counted in one process, and this host runs scripts in worker processes",
            hint="Omit processes=…, or the budget.",
        )
    carried = RemoteJob(
        args=packed_texts(job.args),
        globals=to_lua(dict(job.globals)) if job.globals else NO_VALUES,
        options=narrowing(timeout=timeout, limits=job.limits, permissions=job.permissions),
        traceparent=job.traceparent,
    )
    return StartJob(id, run_id, 0, carried, dict(job.env), watched, job.once is not None)
