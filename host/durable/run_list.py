"""The runs of a journal in pages, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from host.durable.journal import Journal
from host.durable.lease import is_dead
from host.durable.records import RunRow

__all__ = ["BROKEN_OFF", "STATES", "RunFilter", "RunPosition", "RunSummary", "recorded_calls", "run_page", "state_of"]

BROKEN_OFF: Final = "broken off"
STATES: Final = (
    "running", BROKEN_OFF, "done", "failed", "interrupted", "cancelled", "stopped", "replaced", "partly undone",
    "undone",
)  # fmt: skip
"""The states of a run as shown: its status, or ``broken off`` if its process ended without recording the end."""

RunPosition = tuple[float, str]
"""A position in the list: when a run was begun, in seconds since 1970, and its id."""


class RunFilter(msgspec.Struct, frozen=True):
    """Selects runs, all of them by default. ``since`` (included) and ``until`` (excluded) are seconds since 1970.

    ``state`` is one of :data:`STATES`. ``script`` is a part of the script's name; ``text`` is a part of the id, of the
    script's name or of the error. Case does not matter.
    """

    state: str = ""
    script: str = ""
    text: str = ""
    since: float | None = None
    until: float | None = None


class RunSummary(msgspec.Struct, frozen=True):
    """A run without its source, arguments and value: see :class:`RunRow` for the fields."""

    id: str
    script: str
    mode: str
    status: str
    created: float
    updated: float
    owner: str | None
    lease: float
    calls: int
    error: str | None


_COLUMNS: Final = ", ".join(RunSummary.__struct_fields__)


def state_of(run: RunRow | RunSummary, now: float) -> str:
    """A run's state (one of :data:`STATES`) at the time ``now`` of the journal's clock."""
    alive = run.owner is not None and run.lease >= now and not is_dead(run.owner)
    return BROKEN_OFF if run.status == "running" and not alive else run.status


def run_page(journal: Journal, only: RunFilter, *, after: RunPosition | None, limit: int) -> list[RunSummary]:
    """At most ``limit`` runs that follow the position ``after``, newest first."""
    where, values = _conditions(journal, only)
    if after is not None:
        where.append("created <= :created AND (created < :created OR id < :id)")
        values.update(created=after[0], id=after[1])
    condition = f"WHERE {' AND '.join(f'({each})' for each in where)} " if where else ""
    rows = journal.read(
        f"SELECT {_COLUMNS} FROM luahost_run {condition}ORDER BY created DESC, id DESC LIMIT :limit",  # noqa: S608 - texts of this file
        {**values, "limit": limit},
    )
    return [RunSummary(*row) for row in rows]


def recorded_calls(journal: Journal, runs: Sequence[str]) -> dict[str, int]:
    """The number of recorded calls of each run, by its id; the row of an unfinished run holds no count."""
    if not runs:
        return {}
    names = {f"run{number}": run for number, run in enumerate(runs)}
    those = ", ".join(f":{name}" for name in names)
    rows = journal.read(
        "SELECT run, COUNT(*) FROM (SELECT DISTINCT run, path, n FROM luahost_record "  # noqa: S608 - texts of this file
        "WHERE kind IN ('sent', 'answer', 'refused', 'late') AND name <> 'sleep' "
        f"AND run IN ({those})) AS made GROUP BY run",
        names,
    )
    return {run: int(number) for run, number in rows}


def _conditions(journal: Journal, only: RunFilter) -> tuple[list[str], dict[str, Any]]:
    where, values = _state_conditions(journal, only.state) if only.state else ([], {})
    if only.script:
        where.append("LOWER(script) LIKE :script ESCAPE '!'")
        values["script"] = _part(only.script)
    if only.text:
        names = ("id", "script", "COALESCE(error, '')")
        where.append(" OR ".join(f"LOWER({name}) LIKE :text ESCAPE '!'" for name in names))
        values["text"] = _part(only.text)
    if only.since is not None:
        where.append("created >= :since")
        values["since"] = only.since
    if only.until is not None:
        where.append("created < :until")
        values["until"] = only.until
    return where, values


def _state_conditions(journal: Journal, state: str) -> tuple[list[str], dict[str, Any]]:
    """SQL conditions and values that select runs by state.

    Whether the process of a ``running`` run is alive cannot be determined in SQL, so it is checked for each owner.
    """
    if state not in ("running", BROKEN_OFF):
        return ["status = :status"], {"status": state}
    values: dict[str, Any] = {"now": journal.clock()}
    owners = journal.read(
        "SELECT DISTINCT owner FROM luahost_run WHERE status = 'running' AND owner IS NOT NULL AND lease >= :now",
        values,
    )
    alive = {f"owner{number}": owner for number, (owner,) in enumerate(owners) if not is_dead(owner)}
    having = f"owner IN ({', '.join(f':{name}' for name in alive)})" if alive else "1 = 0"
    held = f"owner IS NOT NULL AND lease >= :now AND {having}"
    return ["status = 'running'", held if state == "running" else f"NOT ({held})"], {**values, **alive}


def _part(text: str) -> str:
    """The LIKE pattern, with ``!`` as escape character, for values that contain ``text``."""
    for sign in "!%_":
        text = text.replace(sign, f"!{sign}")
    return f"%{text.lower()}%"
