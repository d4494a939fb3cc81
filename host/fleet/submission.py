"""Submits runs to the queue; one statement submits one or many of them, all or none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from host.errors import UsageError
from host.fleet.database import FleetDatabase
from host.fleet.needs import Needs, Offers, lacking
from host.fleet.run_order import Order

__all__ = ["PIECE", "Submitter", "alive_workers", "unmet"]

PIECE: Final = 500  # runs of a batch that are submitted at once

# The run and its job in the queue are made by the same statement: one without the other is never seen.
_SUBMIT = """
WITH texts AS (
    INSERT INTO luahost_text (sha256, text)
    SELECT * FROM unnest(%(hashes)s::text[], %(texts)s::bytea[])
    ON CONFLICT (sha256) DO UPDATE SET used = now()
), needs AS (
    INSERT INTO luahost_need (id, needs) VALUES (%(need)s, %(needs)s::jsonb)
    ON CONFLICT (id) DO UPDATE SET used = now()
), new AS (
    INSERT INTO luahost_job (id, batch, queue, priority, due, script, text, modules, args, globals, options, need,
        dedup, schedule, tick, traceparent)
    SELECT each.id, %(batch)s, %(queue)s, %(priority)s, each.due, %(script)s, %(text)s, %(modules)s::jsonb,
        each.args, each.globals, %(options)s::jsonb, %(need)s, %(dedup)s, %(schedule)s::text,
        CASE WHEN %(schedule)s::text IS NULL THEN NULL ELSE each.due END, %(traceparent)s
    FROM (
        SELECT id, args, globals, to_timestamp(due) AS due, n
        FROM unnest(%(ids)s::text[], %(args)s::bytea[], %(globals)s::bytea[], %(dues)s::float8[])
            WITH ORDINALITY AS given (id, args, globals, due, n) ORDER BY n
    ) AS each
    ON CONFLICT DO NOTHING
    RETURNING id, due
)
SELECT id, (
    SELECT cardinality(procrastinate_defer_jobs_v1(ARRAY(
        SELECT ROW(%(queue)s || '#' || %(need)s, 'luahost.run', %(priority)s, NULL, NULL,
            jsonb_build_object('run', id), due)::procrastinate_job_to_defer_v1
        FROM new
    )))
) FROM new
"""


class Submitter:
    """Submits runs to the queue of a fleet; within the transaction of ``connection``, if it is given."""

    def __init__(self, database: FleetDatabase, connection: Any = None) -> None:
        self._database = database
        self._connection = connection
        self._sent: set[str] = set()  # texts that are there

    def submit(
        self, run_id: str, order: Order, texts: Mapping[str, bytes], needs: Needs, *, dedup: str | None = None
    ) -> str:
        """Submit one run; returns its id, or that of the earlier run with the same ``dedup`` key.

        Raises ``UsageError`` if the key belongs to a different submission, or if ``run_id`` is taken.
        """
        rows = [(run_id, order.args, order.globals, order.due)]
        new, again = self._put(rows, order, texts, needs, dedup=dedup)
        if new:
            return run_id
        there = self._database.rows(
            "SELECT id, text, args, globals FROM luahost_job WHERE id = %s OR dedup = %s ORDER BY id = %s",
            [run_id, dedup, run_id],
        )
        if not there:  # it has been deleted meanwhile
            return self.submit(run_id, order, texts, needs, dedup=dedup)
        found, *known = there[0]
        is_same = known == [order.text, order.args, order.globals]
        if found == run_id and dedup is None and not (again and is_same):
            raise UsageError(f"there is a run {run_id} already", hint=f"runs show {run_id}, runs retry {run_id}")
        if not is_same:
            raise UsageError(
                f"the dedup key {dedup} is that of run {found}, which has another script, arguments or globals",
                hint="one key stands for one run, for as long as the run is kept",
            )
        return str(found)

    def submit_many(
        self,
        batch: str,
        rows: Iterable[tuple[bytes, bytes]],
        order: Order,
        texts: Mapping[str, bytes],
        needs: Needs,
    ) -> Iterator[str]:
        """Submit a run for each of ``rows`` (arguments and globals), piece by piece; returns their ids as they are in
        the queue: ``BATCH.1``, ``BATCH.2`` … Those that are there already are left as they are.
        """
        numbered = ((f"{batch}.{n}", args, globals, order.due) for n, (args, globals) in enumerate(rows, 1))
        while piece := list(islice(numbered, PIECE)):
            self._put(piece, order, texts, needs, batch=batch)
            yield from (row[0] for row in piece)

    def submit_ticks(
        self, schedule: str, ticks: Sequence[tuple[str, float]], order: Order, texts: Mapping[str, bytes], needs: Needs
    ) -> int:
        """Submit the runs of a schedule that are due at those times, each unless it is there; returns how many."""
        rows = [(run_id, order.args, order.globals, tick) for run_id, tick in ticks]
        return self._put(rows, order, texts, needs, schedule=schedule)[0]

    def _put(
        self,
        rows: Sequence[tuple[str, bytes, bytes, float | None]],
        order: Order,
        texts: Mapping[str, bytes],
        needs: Needs,
        *,
        batch: str | None = None,
        dedup: str | None = None,
        schedule: str | None = None,
    ) -> tuple[int, bool]:
        """How many of ``rows`` were submitted that were not there, and whether an attempt before may have done that."""
        new = {hash: text for hash, text in texts.items() if hash not in self._sent}
        values = {
            "hashes": sorted(new), "texts": [new[each] for each in sorted(new)],
            "need": order.need, "needs": msgspec.json.encode(needs).decode(),
            "batch": batch, "queue": order.queue, "priority": order.priority, "script": order.script,
            "text": order.text, "modules": json.dumps(order.modules), "options": json.dumps(order.options),
            "dedup": dedup, "schedule": schedule, "traceparent": order.traceparent,
            "ids": [row[0] for row in rows], "args": [row[1] for row in rows],
            "globals": [row[2] for row in rows], "dues": [row[3] for row in rows],
        }  # fmt: skip
        if self._connection is not None:
            return len(self._connection.execute(_SUBMIT, values).fetchall()), False
        found, again = self._submitted(values)
        if len(rows) > 1:
            self._sent.update(new)  # of one batch: what stays for longer may be swept away meanwhile
        return len(found), again

    def _submitted(self, values: Mapping[str, Any]) -> tuple[list[tuple[Any, ...]], bool]:
        """Execute the statement, again if the database restarts meanwhile: what was committed is not added twice."""
        attempts = 0

        def submit() -> list[tuple[Any, ...]]:
            nonlocal attempts
            attempts += 1
            return self._database.rows(_SUBMIT, values)

        return self._database.patiently(submit), attempts > 1


def alive_workers(database: FleetDatabase) -> dict[str, tuple[Offers, list[str]]]:
    """What the workers that are alive offer, and the queues they take from, by their names."""
    rows = database.rows(
        "SELECT name, offers, queues FROM luahost_worker "
        "WHERE beat + lease * interval '1 second' > now() AND NOT draining ORDER BY name"
    )
    return {name: (msgspec.convert(offers, Offers), queues) for name, offers, queues in rows}


def unmet(database: FleetDatabase, needs: Needs, queue: str) -> str | None:
    """Why no worker there is would take a run, or ``None`` if one would."""
    workers = {name: offers for name, (offers, queues) in alive_workers(database).items() if queue in queues}
    if not workers:
        return f"no worker of the queue {queue} is running"
    why = {name: lacking(needs, offers) for name, offers in workers.items()}
    if not all(why.values()):
        return None
    told = "; ".join(f"{name}: {', '.join(each)}" for name, each in list(why.items())[:5])
    return f"no worker of the queue {queue} has what the run needs: {told}"
