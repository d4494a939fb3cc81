"""A run as it is ordered from another process."""

from __future__ import annotations

from typing import Any

import msgspec

from host.errors import UsageError
from host.lua.values import to_lua
from host.policy.permissions import Permissions
from host.processes.codec import text_out
from host.processes.messages import Grant, StartJob
from host.run.job import Job

__all__ = ["JobMessage", "grant_of", "order", "permissions_of"]


class JobMessage(msgspec.Struct, frozen=True):
    """What a process gets of a run, all but the key by which it knows the script."""

    id: int
    run_id: str
    args: list[bytes] = msgspec.field(default_factory=list)
    globals: bytes | None = None
    timeout: float | None = None
    limits: dict[str, Any] = msgspec.field(default_factory=dict)
    grant: bytes = b""
    watched: bool = False
    batch: bool = False
    traceparent: str | None = None

    def message(self, script: int) -> StartJob:
        return StartJob(
            self.id, self.run_id, script, self.args, self.globals, self.timeout, self.limits, self.grant,
            self.watched, self.batch, self.traceparent,
        )  # fmt: skip


def order(id: int, run_id: str, job: Job, timeout: float | None, *, watched: bool = False) -> JobMessage:
    """The order for a job. Raises ``InvalidCall`` and ``LimitError`` for globals that cannot cross to Lua,
    ``UsageError`` for what a host of several processes cannot do."""
    if job.quotas:
        raise UsageError(
            "a budget is counted in one process, and this host runs scripts in worker processes",
            hint="Leave processes=… out, or the budget.",
        )
    return JobMessage(
        id,
        run_id,
        [text_out(each) for each in job.args],
        to_lua(dict(job.globals)) if job.globals else None,
        timeout,
        msgspec.structs.asdict(job.limits),
        grant_of(job.permissions, dict(job.env)),
        watched,
        job.once is not None,
        job.traceparent,
    )


_NAMES = tuple(name for name in Permissions.__struct_fields__ if name != "within")


def grant_of(permissions: Permissions, env: dict[str, str]) -> bytes:
    """Permissions, and the environment to be read, in the form they cross in."""
    levels = []
    level: Permissions | None = permissions
    while level is not None:
        levels.append({name: getattr(level, name) for name in _NAMES})
        level = level.within
    return msgspec.msgpack.encode(Grant(levels, env))


def permissions_of(grant: bytes) -> tuple[Permissions, dict[str, str]]:
    """The reverse of :func:`grant_of`."""
    form = msgspec.msgpack.decode(grant, type=Grant)
    found: Permissions | None = None
    for level in reversed(form.levels):
        found = Permissions(**level, within=found)
    assert found is not None
    return found, form.env
