"""A run in a worker process, as its host sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from host.run.script import RunResult, Script

if TYPE_CHECKING:
    from host.processes.messages import StartJob
    from host.processes.pool import WorkerProcesses
    from host.processes.process import WorkerProcess
    from host.run.job import Why
    from host.run.once_protocols import OnceAnswers

__all__ = ["RemoteRun"]


class RemoteRun:
    """A run in another process, with the interface of :class:`~host.run.session.Session`.

    ``start`` is the message to its process, without the script's key.
    """

    __slots__ = ("_processes", "finished", "id", "once", "process", "result", "run_id", "script", "start")

    def __init__(
        self,
        script: Script,
        start: StartJob,
        finished: Callable[[RunResult], None],
        processes: WorkerProcesses,
        once: OnceAnswers | None = None,
    ) -> None:
        self.id = start.id
        self.run_id = start.run_id
        self.once = once
        self.script = script
        self.start = start
        self.finished = finished
        self.result: RunResult | None = None
        self.process: WorkerProcess | None = None
        self._processes = processes

    def kill(self, why: Why) -> None:
        """End the run as soon as its Lua code yields or its budget hook fires. From any thread."""
        self._processes.kill(self, why)
