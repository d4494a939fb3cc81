"""What a worker says of itself: metrics that Prometheus reads, and whether it is alive and ready."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from host import Host
from host.fleet.health import HealthApp, WorkerHealth, metrics_text, unready
from host.serve.server import Server

HEALTH = WorkerHealth(
    version="1.2.3",
    name='a "worker"\\with\nall',
    taken=7,
    ended={"done": 4, "failed": 2},
    in_flight=1,
    concurrency=10,
    queues={"default": 5, "reports": 0},
    lease_age=1.5,
    lease=30.0,
    database_up=True,
    draining=False,
    started=1.75e9,
)


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Everything in it, as Prometheus's own parser reads it."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_reads_the_metrics() -> None:
    """Names, labels with every character that is escaped, and values."""
    found = samples(metrics_text(HEALTH))

    def value(name: str, **labels: str) -> float:
        return found[name, frozenset(labels.items())]

    assert value("luahost_runs_taken_total") == 7
    assert value("luahost_runs_ended_total", outcome="failed") == 2
    assert value("luahost_queue_depth", queue="default") == 5
    assert value("luahost_lease_age_seconds") == 1.5
    assert value("luahost_database_up") == 1
    assert value("luahost_draining") == 0
    assert value("process_start_time_seconds") == 1.75e9
    assert value("luahost_worker_info", version="1.2.3", worker=HEALTH.name) == 1


def test_every_metric_has_a_kind_and_a_help() -> None:
    """Counters end in ``_total``, and nothing else does."""
    for family in text_string_to_metric_families(metrics_text(HEALTH)):
        assert family.documentation.endswith(".")
        assert family.type in ("counter", "gauge")
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter")


def test_calls_of_the_host_are_among_them() -> None:
    """Those of its stats."""
    with Host(simulate=True) as host:
        host.run_source('new_product():name("x"):create()').raise_for_error()
        host.run_source('stripe.products.retrieve("prod_none")')
        found = samples(metrics_text(replace(HEALTH, calls=host.stats())))
    assert sum(value for (name, _), value in found.items() if name == "luahost_calls_total") == 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, None),
        ({"draining": True}, "draining: 1 runs"),
        ({"database_up": False}, "the database is unavailable"),
        ({"lease_age": 31.0}, "the lease was renewed 31 s ago"),
    ],
)
def test_a_worker_is_ready_where_it_takes_runs(change: dict[str, Any], why: str | None) -> None:
    """Otherwise it says why not, and still is alive."""
    health = replace(HEALTH, **change)
    said = unready(health)
    assert said is None if why is None else said is not None and said.startswith(why)
    with Server(lambda abort: HealthApp(lambda: health), "127.0.0.1", 0) as server:
        ready = httpx.get(f"{server.url}/readyz")
        assert ready.status_code == (200 if why is None else 503)
        assert ready.text.startswith(why or "ready")
        assert httpx.get(f"{server.url}/healthz").text == "ok\n"


def test_it_is_served_as_prometheus_expects_it() -> None:
    """By its content type; other paths and methods are refused; HEAD has no body."""
    with Server(lambda abort: HealthApp(lambda: HEALTH), "127.0.0.1", 0) as server:
        answer = httpx.get(f"{server.url}/metrics")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert samples(answer.text).keys() == samples(metrics_text(HEALTH)).keys()
        assert httpx.head(f"{server.url}/metrics").content == b""
        assert httpx.get(f"{server.url}/").status_code == 404
        assert httpx.post(f"{server.url}/metrics").status_code == 405
