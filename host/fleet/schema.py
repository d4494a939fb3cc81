"""Creates the fleet's tables, and migrates those of earlier versions.

The queue itself belongs to Procrastinate (``procrastinate_jobs`` and so on), the records of runs to the journal
(``luahost_run``, ``luahost_record``). The tables here hold submitted runs and their outcomes; ``docs/fleet.md``
describes them. All times are of the database's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from host.errors import JournalError
from host.fleet.permit_tables import TABLES

__all__ = ["CHANGES", "ENDED", "VERSION", "prepare"]

VERSION: Final = 3
ENDED: Final = ("done", "failed", "stopped", "cancelled")
"""``luahost_job.status`` is ``queued``, ``running``, or one of these: ``failed`` by the script's error, ``stopped`` by
the host because somebody has to decide (a change in doubt, another way than before), ``cancelled`` by somebody."""

_LOCK: Final = 0x6C756168  # of the advisory lock that makers of tables take

# The journal's too: made by whoever comes first.
_SHARED: Final = ("CREATE TABLE luahost_output", "CREATE TABLE IF NOT EXISTS luahost_output")

# Version → the statements that make its tables of those of the version before.
CHANGES: Final[dict[int, Sequence[str]]] = {
    1: (
        """CREATE TABLE luahost_text (
            sha256 TEXT PRIMARY KEY,
            text BYTEA NOT NULL,
            used TIMESTAMPTZ NOT NULL DEFAULT now())""",
        """CREATE TABLE luahost_need (
            id TEXT PRIMARY KEY,
            needs JSONB NOT NULL,
            used TIMESTAMPTZ NOT NULL DEFAULT now())""",
        """CREATE TABLE luahost_job (
            id TEXT PRIMARY KEY,
            batch TEXT,
            job BIGINT,
            status TEXT NOT NULL DEFAULT 'queued',
            queue TEXT NOT NULL,
            priority INTEGER NOT NULL,
            due TIMESTAMPTZ,
            script TEXT NOT NULL,
            text TEXT NOT NULL,
            modules JSONB NOT NULL,
            args BYTEA NOT NULL,
            globals BYTEA NOT NULL,
            options JSONB NOT NULL,
            need TEXT NOT NULL,
            dedup TEXT UNIQUE,
            schedule TEXT,
            tick TIMESTAMPTZ,
            traceparent TEXT,
            submitted TIMESTAMPTZ NOT NULL DEFAULT now(),
            started TIMESTAMPTZ,
            ended TIMESTAMPTZ,
            worker TEXT,
            attempts INTEGER NOT NULL DEFAULT 0,
            cancel BOOLEAN NOT NULL DEFAULT false,
            note TEXT,
            value BYTEA,
            error JSONB,
            exit_status INTEGER,
            calls BIGINT,
            seconds DOUBLE PRECISION,
            simulated BOOLEAN,
            UNIQUE (schedule, tick))""",
        "CREATE INDEX luahost_job_running ON luahost_job (worker) WHERE status = 'running'",
        "CREATE INDEX luahost_job_batch ON luahost_job (batch) WHERE batch IS NOT NULL",
        "CREATE INDEX luahost_job_submitted ON luahost_job (submitted)",
        "CREATE INDEX luahost_job_ended ON luahost_job (ended) WHERE ended IS NOT NULL",
        """CREATE TABLE luahost_output (
            run TEXT NOT NULL,
            start BIGINT NOT NULL,
            data BYTEA NOT NULL,
            PRIMARY KEY (run, start))""",
        """CREATE TABLE luahost_worker (
            name TEXT PRIMARY KEY,
            number BIGINT NOT NULL,
            machine TEXT NOT NULL,
            pid INTEGER NOT NULL,
            version TEXT NOT NULL,
            queues JSONB NOT NULL,
            concurrency INTEGER NOT NULL,
            running INTEGER NOT NULL DEFAULT 0,
            draining BOOLEAN NOT NULL DEFAULT false,
            offers JSONB NOT NULL,
            started TIMESTAMPTZ NOT NULL DEFAULT now(),
            beat TIMESTAMPTZ NOT NULL DEFAULT now(),
            lease DOUBLE PRECISION NOT NULL)""",
        """CREATE TABLE luahost_schedule (
            name TEXT PRIMARY KEY,
            cron TEXT NOT NULL,
            zone TEXT NOT NULL,
            run BYTEA NOT NULL,
            next TIMESTAMPTZ NOT NULL,
            created TIMESTAMPTZ NOT NULL DEFAULT now())""",
    ),
    2: TABLES,  # of the limits over all workers, which make them by themselves too
    3: ("CREATE INDEX luahost_job_not_done ON luahost_job (submitted) WHERE status <> 'done'",),
}


def prepare(connection: Any) -> None:
    """Create or migrate the tables, including Procrastinate's, in one transaction of a ``psycopg.Connection``.

    Raises :class:`JournalError` if they are of a later version.
    """
    found = _version(connection)
    if found == VERSION:
        return
    # Before the transaction: one that is waiting already does not see what others make meanwhile.
    connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    try:
        for is_second in (False, True):
            try:
                with connection.transaction():
                    _bring_up(connection)
                break
            except _made_meanwhile():  # a journal's tables, which are not made under this lock
                if is_second:
                    raise
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _bring_up(connection: Any) -> None:
    found = _version(connection) or 0
    if found > VERSION:
        raise JournalError(
            f"the fleet's tables were made by a later version of this program (they are version {found}, "
            f"this one knows {VERSION})",
            hint="update luahost on this machine",
        )
    _prepare_queue(connection)
    for version in range(found + 1, VERSION + 1):
        for statement in CHANGES[version]:
            connection.execute(statement.replace(*_SHARED))
    if found != VERSION:
        connection.execute("CREATE TABLE IF NOT EXISTS luahost_fleet_version (version INTEGER NOT NULL)")
        connection.execute("DELETE FROM luahost_fleet_version")
        connection.execute("INSERT INTO luahost_fleet_version (version) VALUES (%s)", [VERSION])


def _made_meanwhile() -> tuple[type[Exception], ...]:
    from psycopg import errors  # imported here because psycopg is imported on use

    return errors.UniqueViolation, errors.DuplicateTable


def _version(connection: Any) -> int | None:
    if connection.execute("SELECT to_regclass('luahost_fleet_version')").fetchone()[0] is None:
        return None
    row = connection.execute("SELECT version FROM luahost_fleet_version").fetchone()
    return None if row is None else int(row[0])


def _prepare_queue(connection: Any) -> None:
    """Create Procrastinate's tables if they do not exist."""
    if connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()[0] is None:
        connection.execute(files("procrastinate").joinpath("sql/schema.sql").read_text("utf-8"))
