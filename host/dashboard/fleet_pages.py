"""The pages of a fleet: its queues and what waits in them, its workers, its schedules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from host.dashboard.fleet_tables import FleetTables
from host.dashboard.request_fields import text_of

__all__ = ["FleetPages"]

ROWS: Final = 100

Row = TypeVar("Row")


class FleetPages:
    """``render`` makes pages of templates. Where there is no fleet, each page says so."""

    def __init__(self, tables: FleetTables | None, render: Callable[..., Response]) -> None:
        self._tables = tables
        self._render = render

    def queues(self, request: Request) -> Response:
        """How much waits and runs in each queue."""
        return self._listed(request, "queues.html", FleetTables.queues, lambda row: row.queue)

    def queue(self, request: Request) -> Response:
        """What waits and runs in one queue."""
        name = text_of(request.query_params, "name")

        def read(tables: FleetTables, *, after: str, limit: int) -> Sequence[Any]:
            return tables.waiting(name, after=after, limit=limit)

        return self._listed(request, "queue.html", read, lambda row: row.id, {"name": name})

    def workers(self, request: Request) -> Response:
        """Who takes runs."""
        return self._listed(request, "workers.html", FleetTables.workers, lambda row: row.name)

    def schedules(self, request: Request) -> Response:
        """What is run when."""
        return self._listed(request, "schedules.html", FleetTables.schedules, lambda row: row.name)

    def _listed(
        self,
        request: Request,
        template: str,
        read: Callable[..., Sequence[Row]],
        name: Callable[[Row], str],
        kept: Mapping[str, str] | None = None,
    ) -> Response:
        if self._tables is None:
            return self._render(request, "no_fleet.html")
        after = text_of(request.query_params, "after")
        found = read(self._tables, after=after, limit=ROWS + 1)
        rows = found[:ROWS]
        more = f"?{urlencode({**(kept or {}), 'after': name(rows[-1])})}" if len(found) > ROWS else None
        return self._render(request, template, rows=rows, after=after, more=more, **(kept or {}))
