"""What a run is given: its job, and the services that all runs of a host share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from host.calls.pipeline import CallPipeline
from host.events import Sink
from host.limits import Limits
from host.lua.bytecode_cache import Chunks
from host.lua.state import HostFunction, LuaState
from host.policy.permissions import Permissions
from host.policy.quota import Quota
from host.policy.redaction import Redactor
from host.run.scheduler import Scheduler
from host.run.script import Script

if TYPE_CHECKING:
    from host.bridge.worker import AsyncWorker
    from host.run.once_protocols import OnceAnswers

__all__ = ["WHY", "Job", "RunServices", "State", "Why"]

Why = Literal["timeout", "interrupted", "cancelled", "closed", "stopped"]

WHY: dict[Why, tuple[str, str]] = {
    "timeout": ("timeout", "the run's time is up"),
    "interrupted": ("interrupted", "the run was interrupted"),
    "cancelled": ("cancelled", "the run was cancelled"),
    "closed": ("closed", "the host was closed while the script ran"),
    "stopped": ("interrupted", "the run was stopped"),
}
"""Why a run was ended: the kind of its error, and the message."""


class Job(msgspec.Struct, frozen=True):
    """The script to run and all that is specific to the run."""

    script: Script
    args: tuple[str, ...] = ()
    globals: Mapping[str, Any] = msgspec.field(default_factory=dict)
    limits: Limits = msgspec.field(default_factory=Limits)
    env: Mapping[str, str] = msgspec.field(default_factory=dict)  # the environment names granted to the script
    permissions: Permissions = msgspec.field(default_factory=Permissions)
    quotas: tuple[Quota, ...] = ()  # of the budgets its calls are counted against
    once: OnceAnswers | None = None  # what ``once`` gave in its batch
    traceparent: str | None = None  # of the span it is under


class State(Protocol):
    """The Lua side of a run: ``host.lua.state.LuaState``, or one in a process of its own."""

    def enter(self, id: int, status: Any = 0, a: bytes | None = None, b: Any = None) -> int: ...

    def collect(self) -> None: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


class RunServices(msgspec.Struct, frozen=True):
    """What runs of a host share."""

    pipeline: CallPipeline
    worker: AsyncWorker
    runners: Scheduler
    sinks: Sequence[Sink] = ()
    simulated: bool = False
    redactor: Redactor = msgspec.field(default_factory=Redactor)
    alive: set[Any] = msgspec.field(default_factory=set)  # runs that have not ended
    new_state: Callable[[HostFunction, Limits, bool], State] = LuaState
    chunks: Chunks | None = None  # of states that take bytecode
