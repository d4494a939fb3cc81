"""What runs in worker processes have their parent do: emit events, simulate answers, and share what is done once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from host.bridge.request import Reply
from host.events import Sink
from host.http.message import Request
from host.processes import messages as m
from host.processes.codec import event_of
from host.processes.once import OnceAsked
from host.remote.result import call_failure

if TYPE_CHECKING:
    from host.processes.process import WorkerProcess
    from host.processes.remote_run import RemoteRun

__all__ = ["Answer", "Forwarding"]

_log = logging.getLogger(__name__)

Answer = Callable[[Request, float, Callable[[Reply], None]], None]
"""``answer(request, seconds, deliver)``: have the parent's simulator answer. Never blocks."""


class Forwarding:
    """``sinks`` get the events of all runs, ``own_sinks`` those of single runs, by id. Used on any thread."""

    def __init__(self, answer: Answer, sinks: Sequence[Sink]) -> None:
        self._answer = answer
        self._sinks = tuple(sinks)
        self.own_sinks: dict[str, Sequence[Sink]] = {}
        self._once = OnceAsked()

    def emit(self, message: m.Happened) -> None:
        """Give an event to the host's sinks and to those of its run."""
        event = event_of(message)
        for sink in (*self.own_sinks.get(event.run_id, ()), *self._sinks):
            try:
                sink.emit(event)
            except Exception:  # against its contract; the process that reported it is not to blame
                _log.exception("a sink raised")

    def ask(self, process: WorkerProcess, asked: m.RequestForwarded) -> None:
        """Have the simulator answer a request, and send the process its answer."""

        def deliver(reply: Reply) -> None:
            if reply.error is not None:
                failure = call_failure(reply.error)
                process.send(m.Answered(asked.id, 0, {}, b"", failure))
            else:
                answer = reply.value
                process.send(m.Answered(asked.id, answer.status, answer.headers, answer.body, None))

        request = Request(
            asked.method,
            asked.url,
            tuple(asked.headers),
            asked.content,
            asked.operation,
            asked.mutation,
            asked.credential,
        )
        self._answer(request, asked.seconds, deliver)

    def once(self, process: WorkerProcess, message: m.OnceForwarded, run: RemoteRun | None) -> None:
        """Handle what a run says of ``once``; ``run`` is ``None`` if it has ended."""
        if run is not None and run.once is not None:
            self._once.receive(process.number, message, run.once, run.run_id, process.send)

    def gone(self, process: WorkerProcess) -> None:
        """Note that a process has ended: none of its runs waits for ``once`` any more."""
        self._once.gone(process.number)
