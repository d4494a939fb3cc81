"""A worker's health over HTTP: ``/metrics`` for Prometheus, ``/healthz`` and ``/readyz`` for a process supervisor.

The text format is written here in forty lines, because prometheus_client is slow to import.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any, Final

import msgspec

from host.bridge.stats import WorkerStats
from host.serve.server import Scope

__all__ = ["HealthApp", "WorkerHealth", "metrics_text", "unready"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PLAIN: Final = "text/plain; charset=utf-8"
METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"


class WorkerHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot of a worker's state. Times are in seconds.

    ``ended`` counts runs by outcome (``done``, ``failed``, ``stopped``, ``cancelled``, ``lost``); ``queues`` has the
    number of waiting runs per queue, as of the last heartbeat. ``lease_age`` is the time since the worker's lease was
    last renewed, which lasts ``lease`` seconds.
    """

    version: str
    name: str
    taken: int
    ended: Mapping[str, int]
    in_flight: int
    concurrency: int
    queues: Mapping[str, int]
    lease_age: float
    lease: float
    database_up: bool
    draining: bool
    started: float  # seconds since 1970
    calls: WorkerStats | None = None


def unready(health: WorkerHealth) -> str | None:
    """The reason why the worker takes no runs at present; ``None`` if it does."""
    if health.draining:
        return f"draining: {health.in_flight} runs in progress may finish; no new ones are taken"
    if not health.database_up:
        return "the database is unavailable: runs in progress may finish; no new ones are taken"
    if health.lease_age >= health.lease:
        return f"the lease was renewed {health.lease_age:.0f} s ago and has ended after {health.lease:.0f} s"
    return None


Sample = tuple[Mapping[str, str], float]


def _metrics(health: WorkerHealth) -> Iterator[tuple[str, str, str, list[Sample]]]:
    """The name, kind, help text and samples of each metric."""

    def one(value: float) -> list[Sample]:
        return [({}, value)]

    def each(label: str, values: Mapping[str, float]) -> list[Sample]:
        return [({label: name}, value) for name, value in sorted(values.items())]

    worker = {"version": health.version, "worker": health.name}
    yield "luahost_worker_info", "gauge", "The worker's version and name.", [(worker, 1)]
    yield "luahost_runs_taken_total", "counter", "Runs taken from the queue.", one(health.taken)
    yield "luahost_runs_ended_total", "counter", "Runs by how they ended.", each("outcome", health.ended)
    yield "luahost_runs_in_flight", "gauge", "Runs under way.", one(health.in_flight)
    yield "luahost_runs_concurrency", "gauge", "Runs that may be under way at once.", one(health.concurrency)
    yield "luahost_queue_depth", "gauge", "Runs that wait in a queue, over all workers.", each("queue", health.queues)
    yield "luahost_lease_age_seconds", "gauge", "Since the lease was renewed.", one(health.lease_age)
    yield "luahost_lease_seconds", "gauge", "How long a lease lasts.", one(health.lease)
    yield "luahost_database_up", "gauge", "Whether the database answered when last asked.", one(health.database_up)
    yield "luahost_draining", "gauge", "Whether no more runs are taken.", one(health.draining)
    calls = health.calls
    if calls is not None:
        yield "luahost_calls_in_flight", "gauge", "Calls of runs under way.", one(calls.in_flight)
        answers = {"answered": calls.answered, "failed": calls.failed}
        yield "luahost_calls_total", "counter", "Calls by whether they failed.", each("outcome", answers)
        yield "luahost_loop_lag_seconds", "gauge", "How late the event loop is.", one(calls.loop_lag)
    yield "process_cpu_seconds_total", "counter", "Processor time.", one(time.process_time())
    yield "process_start_time_seconds", "gauge", "When the worker began, since 1970.", one(health.started)


def metrics_text(health: WorkerHealth) -> str:
    """The metrics in Prometheus's text format."""
    lines: list[str] = []
    for name, kind, text, samples in _metrics(health):
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        for labels, value in samples:
            said = ",".join(f'{label}="{_escaped(told)}"' for label, told in labels.items())
            lines.append(f"{name}{{{said}}} {value:.17g}" if said else f"{name} {value:.17g}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


class HealthApp:
    """An ASGI application; ``look()`` returns the worker's state quickly, without querying the database.

    ``/healthz`` answers 200 whenever the process responds, because restarting does not help a worker whose database
    is unavailable. ``/readyz`` answers 503 with the reason while the worker takes no runs.
    """

    def __init__(self, look: Callable[[], WorkerHealth]) -> None:
        self._look = look

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3: https://asgi.readthedocs.io/en/latest/specs/www.html."""
        if scope["type"] != "http":
            raise RuntimeError(f"a worker's metrics are served over HTTP only, not {scope['type']}")
        status, kind, text = self._answer(scope["method"], scope["path"])
        body = text.encode()
        headers = [
            (b"content-type", kind.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _answer(self, method: str, path: str) -> tuple[int, str, str]:
        if path not in ("/metrics", "/healthz", "/readyz"):
            return 404, PLAIN, "nothing is here; there are /metrics, /healthz and /readyz\n"
        if method not in ("GET", "HEAD"):
            return 405, PLAIN, "expected GET\n"
        if path == "/healthz":
            return 200, PLAIN, "ok\n"
        health = self._look()
        if path == "/metrics":
            return 200, METRICS, metrics_text(health)
        why = unready(health)
        return (200, PLAIN, "ready\n") if why is None else (503, PLAIN, why + "\n")
