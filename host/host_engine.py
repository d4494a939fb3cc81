"""What a host's scripts run on: the worker with its loop, the scheduler, and where states are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from host.bridge.worker import AsyncWorker
from host.limits import Limits
from host.run.lua_states import States
from host.run.scheduler import Scheduler
from host.run.session import Session

if TYPE_CHECKING:
    from host.bridge.registry import AsyncFunctionRegistry
    from host.bridge.request import AsyncRequest, Reply
    from host.isolation.zygote_client import Isolation
    from host.settings import Settings

__all__ = ["HostEngine"]

OWN = ("api", "api.endpoint", "api.simulated")  # functions of the registry that leave the loop free to move


class HostEngine:
    """``isolation`` is there where scripts run in processes of their own; else their states are ``states``'."""

    def __init__(self, registry: AsyncFunctionRegistry, settings: Settings) -> None:
        self.worker = AsyncWorker(
            registry.functions,
            capacity=settings.queue_capacity,
            max_in_flight=settings.max_in_flight,
            on_orphan=_orphaned,
        )
        registry.attach(self.worker)
        self.scheduler = Scheduler(self.worker)
        self.states = States(self.worker)
        self.isolation: Isolation | None = None

    def isolate(self, how: str, limits: Limits) -> None:
        """Run scripts in confined processes, for ``"process"``. Raises what keeps that from working here."""
        if how != "process":
            return
        from host.isolation.zygote_client import Isolation  # for who asks for it

        self.worker.pin()
        self.isolation = Isolation(limits, later=self.worker.call_later, held=self.scheduler.held)

    def drive(self, client: Any) -> None:
        """Have the loop turn as ``client`` allows: on any thread where all that runs on it is the host's own."""
        if not client.is_own:
            self.worker.pin()
        for own in OWN:
            self.worker.movable(own)

    def on_wait(self, reason: str, seconds: float | None) -> None:
        """The call whose request is being sent has to wait; for a rate that is the run's time, not the call's."""
        if reason == "rate limit" and seconds is not None:
            self.worker.extend_deadline(seconds)
        call = self.worker.current
        if call is not None and not call.answered:
            call.waiting(reason, seconds)

    @property
    def new_state(self) -> Callable[..., Any]:
        """What makes a run's state."""
        return self.states.new if self.isolation is None else self.isolation.state

    @property
    def exhausted(self) -> int:
        """How often LuaJIT was refused memory bit by bit, here and in processes."""
        return self.states.exhausted + (0 if self.isolation is None else self.isolation.exhausted)

    def stop(self, grace: float) -> None:
        """Let what is in flight finish for ``grace`` seconds, and end the threads. A second call does nothing."""
        self.worker.stop(grace)
        self.scheduler.close(grace)

    def close(self) -> None:
        """Free states and processes, once nothing runs any more. A second call does nothing."""
        self.states.close()
        if self.isolation is not None:
            self.isolation.close()


def _orphaned(request: AsyncRequest, reply: Reply) -> None:
    session = request.source
    if isinstance(session, Session):
        session.orphaned(getattr(request.deliver, "__self__", None), reply)
