"""Schedules: recurring runs by cron expressions in a time zone.

The database holds the next time of each schedule. The first worker to find it due submits the run, with an id made of
the schedule's name and the time, in the transaction that advances that time. So no run is missed while all workers are
down, and none is submitted twice.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from host import arguments
from host.errors import ConfigError, UsageError
from host.fleet.database import FleetDatabase
from host.fleet.needs import Needs
from host.fleet.run_order import Order
from host.fleet.submission import Submitter
from host.run.options import check_id

try:
    from croniter import CroniterError, croniter
except ImportError as error:
    raise ConfigError("schedules need croniter, which is not installed", hint="pip install 'luahost[fleet]'") from error

__all__ = ["Cron", "Schedule", "remove", "save", "schedules", "submit_due"]

MOST: Final = 100  # runs of one schedule submitted at once, if many were missed
_RANDOM = re.compile(r"(?<![a-z])r(?![a-z])", re.IGNORECASE)  # croniter's field for a time that is never the same twice
_FIELDS: Final = "minute, hour, day of the month, month and day of the week, such as '30 2 * * 1-5', or @daily"


class Cron:
    """The times of a cron expression in a zone. Raises ``UsageError`` if it is invalid or never due.

    A time of day that occurs twice when clocks go back counts once; one skipped when they go forward is due right
    after the change. Expressions for every hour or every few hours follow elapsed time.
    """

    def __init__(self, text: str, zone: str) -> None:
        try:
            self._zone = ZoneInfo(zone)
        except (OSError, ValueError, KeyError) as error:
            raise UsageError(_no_zone(zone)) from error
        self._text = text.strip()
        fields = self._text.split()
        is_cron = len(fields) == 5 or (len(fields) == 1 and self._text.startswith("@"))
        if not is_cron or _RANDOM.search(text) or not croniter.is_valid(text):
            raise UsageError(f"{arguments.shown(text)} is not a cron expression; expected {_FIELDS}")
        self._hourly = self._text.lower() == "@hourly" or (len(fields) == 5 and fields[1].startswith("*"))
        self.after(datetime.now(UTC).timestamp())

    def after(self, time: float) -> float:
        """The first time of the expression after ``time``, both in seconds since 1970."""
        found = croniter(self._text, datetime.fromtimestamp(time, self._zone))
        while True:
            try:
                due = found.get_next(datetime)
            except CroniterError as error:
                raise UsageError(f"{self._text!r} is never due") from error
            if due.fold == 0 or self._hourly:
                return float(due.timestamp())


class Schedule(msgspec.Struct, frozen=True):
    """``next`` is when it is due, in seconds since 1970."""

    name: str
    cron: str
    zone: str
    script: str
    next: float


class _Planned(msgspec.Struct, frozen=True):
    """What is kept of the runs of a schedule."""

    order: Order
    needs: Needs


def save(
    database: FleetDatabase, name: str, cron: str, zone: str, order: Order, texts: dict[str, bytes], needs: Needs
) -> float:
    """Create or replace the schedule ``name``; returns its next time in seconds since 1970. Raises ``UsageError``."""
    check_id(name, "name")
    if len(name) > 80:
        raise UsageError(f"name: a schedule's is at most 80 characters, got {len(name)}: its runs have longer ones")
    times = Cron(cron, zone)
    with database.transaction() as connection:
        (now,) = connection.execute("SELECT extract(epoch FROM now())::float8").fetchone()
        due = times.after(now)
        connection.cursor().executemany(
            "INSERT INTO luahost_text (sha256, text) VALUES (%s, %s) ON CONFLICT (sha256) DO UPDATE SET used = now()",
            list(texts.items()),
        )
        connection.execute(
            "INSERT INTO luahost_schedule (name, cron, zone, run, next) VALUES (%s, %s, %s, %s, to_timestamp(%s)) "
            "ON CONFLICT (name) DO UPDATE SET cron = EXCLUDED.cron, zone = EXCLUDED.zone, run = EXCLUDED.run, "
            "next = EXCLUDED.next",
            [name, cron, zone, msgspec.msgpack.encode(_Planned(order, needs)), due],
        )
    return due


def remove(database: FleetDatabase, name: str) -> bool:
    """Delete a schedule; returns whether it existed."""
    return bool(database.rows("DELETE FROM luahost_schedule WHERE name = %s RETURNING name", [name]))


def schedules(database: FleetDatabase) -> list[Schedule]:
    """All schedules, sorted by name."""
    rows = database.rows(
        "SELECT name, cron, zone, run, extract(epoch FROM next)::float8 FROM luahost_schedule ORDER BY name"
    )
    return [Schedule(name, cron, zone, _script_of(run), due) for name, cron, zone, run, due in rows]


def _script_of(run: bytes) -> str:
    try:
        return msgspec.msgpack.decode(run, type=_Planned).order.script
    except msgspec.MsgspecError:
        return "(saved by another version)"


def submit_due(database: FleetDatabase) -> dict[str, str]:
    """Submit the runs of all due schedules.

    Returns the names of those that this machine cannot read, such as one in a time zone that it does not know, with the
    reasons. They stay due, for another machine.
    """
    if not database.rows("SELECT 1 FROM luahost_schedule WHERE next <= now() LIMIT 1"):
        return {}
    unread: dict[str, str] = {}
    with database.transaction() as connection:
        rows = connection.execute(
            "SELECT name, cron, zone, run, extract(epoch FROM next)::float8, extract(epoch FROM now())::float8 "
            "FROM luahost_schedule WHERE next <= now() FOR UPDATE SKIP LOCKED"
        ).fetchall()
        for name, cron, zone, run, due, now in rows:
            try:
                ticks, following = _ticks(name, Cron(cron, zone), due, now)
                planned = msgspec.msgpack.decode(run, type=_Planned)
            except (UsageError, msgspec.MsgspecError) as error:
                unread[name] = str(error)
                continue
            Submitter(database, connection).submit_ticks(name, ticks, planned.order, {}, planned.needs)
            connection.execute("UPDATE luahost_schedule SET next = to_timestamp(%s) WHERE name = %s", [following, name])
    return unread


def _ticks(name: str, times: Cron, due: float, now: float) -> tuple[list[tuple[str, float]], float]:
    """The ids and times of the runs that are due from ``due`` to ``now``, and the time that follows them."""
    found: list[tuple[str, float]] = []
    while due <= now and len(found) < MOST:
        found.append((f"{name}.{datetime.fromtimestamp(due, UTC):%Y%m%dT%H%M%SZ}", due))
        due = times.after(due)
    return found, due


def _no_zone(zone: str) -> str:
    return f"there is no time zone {zone!r}; expected a name such as Europe/Berlin or UTC"
