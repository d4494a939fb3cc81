"""Starts the worker processes of a host."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from host.apis.api import Api
from host.errors import UsageError
from host.events import Sink, want_detail, want_lines
from host.http.limiter import HttpLimits
from host.processes.forwarding import Answer
from host.processes.messages import Open
from host.processes.pool import WorkerProcesses
from host.secret import Secret
from host.settings import Settings

__all__ = ["start_worker_processes"]


def start_worker_processes(
    processes: int,
    *,
    settings: Settings,
    simulated: bool,
    http_limits: HttpLimits,
    setup: str | None,
    sinks: Sequence[Sink],
    answer: Answer,
    options: Mapping[str, Any],
    local: Mapping[str, Any],
    apis: Sequence[Api] = (),
) -> WorkerProcesses:
    """Worker processes for a host of these settings. ``options`` are further ones, as plain values.

    ``local`` are those that cannot cross to another process: ``UsageError`` for the first that is set.
    """
    for name, value in local.items():
        if value is not None:
            raise UsageError(
                f"Host(processes={processes}) has {name}=…, which cannot cross to another process",
                hint="Make it there: setup='module:function' is called with each process's host, "
                "whose use(…) takes it.",
            )
    opening = Open(
        settings=_plain(settings),
        options=dict(options),
        simulated=simulated,
        setup=setup,
        watched=bool(sinks),
        detailed=want_detail(sinks),
        lines=want_lines(sinks),
        room=0,
        rates=list(http_limits.rates),
        per_host=http_limits.in_flight_per_host,
        of_apis=list(http_limits.in_flight),
    )
    secrets = [value for value in _values(settings).values() if isinstance(value, Secret)]
    secrets += [secret for api in apis for secret in api.secrets()]
    return WorkerProcesses(
        processes,
        opening,
        apis=apis,
        limits=http_limits,
        in_flight=settings.max_in_flight,
        answer=answer,
        sinks=sinks,
        environ=_clean(os.environ, secrets),
    )


def _clean(environ: Mapping[str, str], secrets: Sequence[Secret]) -> dict[str, str]:
    """The environment without keys, which are sent only over the pipe."""
    texts = [secret.reveal() for secret in secrets]
    return {name: value for name, value in environ.items() if not any(each in value for each in texts)}


def _values(settings: Settings) -> dict[str, Any]:
    return msgspec.structs.asdict(settings)


def _plain(settings: Settings) -> dict[str, Any]:
    values = _values(settings)
    values["api_limits"] = {name: msgspec.structs.asdict(each) for name, each in settings.api_limits.items()}
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in values.items()}
