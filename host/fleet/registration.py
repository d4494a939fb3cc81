"""Registers workers with their offers in a fleet, unless they conflict with others of the same queues."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec

from host.errors import ConfigError
from host.fleet.database import FleetDatabase
from host.fleet.needs import Offers
from host.fleet.submission import alive_workers

__all__ = ["SHARED_SIMULATOR", "Registration", "register", "unregister"]

SHARED_SIMULATOR: Final = (
    "to have several, start one luahost simulate and give each worker what it prints: STRIPE_API_BASE and "
    "STRIPE_SECRET_KEY, in place of a simulator of its own"
)
_ALONE: Final = "SELECT pg_advisory_xact_lock(hashtextextended('luahost workers', 0))"
_REGISTER: Final = """
WITH worker AS (SELECT worker_id FROM procrastinate_register_worker_v1())
INSERT INTO luahost_worker (name, number, machine, pid, version, queues, concurrency, offers, lease)
SELECT %(name)s, worker_id, %(machine)s, %(pid)s, %(version)s, %(queues)s::jsonb, %(concurrency)s, %(offers)s::jsonb,
    %(lease)s
FROM worker RETURNING number
"""
_UNREGISTER: Final = (
    "WITH gone AS (DELETE FROM luahost_worker WHERE name = %s) SELECT procrastinate_unregister_worker_v1(%s)"
)


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """``own_simulator``: its host has made one, which no other host has."""

    name: str
    version: str
    queues: Sequence[str]
    concurrency: int
    offers: Offers
    lease: float
    own_simulator: bool


def register(database: FleetDatabase, worker: Registration) -> int:
    """Register a worker; returns its number in the queue.

    Raises ``ConfigError`` if it simulates the API and another worker of the same queues has a separate simulator:
    neither could resume the other's runs.
    """
    with database.transaction() as connection:
        connection.execute(_ALONE)  # two that begin at once see each other
        others = [] if worker.offers.mode != "simulated" else _simulating(database, worker)
        if others:
            raise ConfigError(
                f"the worker {others[0]} has a simulator of its own, and neither could continue the other's runs",
                hint=f"{SHARED_SIMULATOR}; if that worker is dead, it counts as alive for HOST_RUN_LEASE seconds",
            )
        values = {
            "name": worker.name, "machine": platform.node(), "pid": os.getpid(), "version": worker.version,
            "queues": _json(list(worker.queues)), "concurrency": worker.concurrency, "offers": _json(worker.offers),
            "lease": worker.lease,
        }  # fmt: skip
        return int(connection.execute(_REGISTER, values).fetchone()[0])


def unregister(database: FleetDatabase, name: str, number: int) -> None:
    """Remove a worker's registration."""
    database.rows(_UNREGISTER, [name, number])


def _simulating(database: FleetDatabase, worker: Registration) -> list[str]:
    """The workers of the same queues that have a simulator which this one has not. In one process two hosts may have
    been given the same."""
    here = f"{platform.node()}:{os.getpid()}:"
    return [
        name
        for name, (offers, queues) in alive_workers(database).items()
        if offers.mode == "simulated"
        and _meet(queues, worker.queues)
        and (worker.own_simulator or not name.startswith(here))
    ]


def _meet(one: Collection[str], other: Collection[str]) -> bool:
    return not set(one).isdisjoint(other)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
