"""Finds the plan for a method and path of an added API.

Unlike Stripe's, its paths may have suffixes after parameters, several parameters in a step, and servers of their own.
"""

from __future__ import annotations

import re

from host.apis.catalog import Catalog
from host.simulator.added_apis.paths import fixed_length, pattern_of, plain_path, variables
from host.simulator.added_apis.plans import AddedPlan, Plans
from host.simulator.parsing import segments
from host.simulator.routes import base_path


class AddedRoutes:
    """The operations of a catalog by method and path. Plans are derived when needed."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._plans = Plans(catalog)
        self._known: dict[str, AddedPlan] = {}
        self._fixed: dict[tuple[str, str], str] = {}
        self._shaped: dict[tuple[str, int], list[tuple[re.Pattern[str], int, str]]] = {}
        self._base = base_path(catalog.base_url)
        for id, method, path in catalog.routes():
            pattern = pattern_of(path)
            if pattern is None:
                self._fixed.setdefault((method, plain_path(path)), id)
            else:
                size = len(segments(plain_path(path)))
                self._shaped.setdefault((method, size), []).append((pattern, fixed_length(path), id))
        for choices in self._shaped.values():
            choices.sort(key=lambda choice: -choice[1])

    def find(self, method: str, path: str) -> tuple[AddedPlan, dict[str, str]] | None:
        """The plan for a request, and its path arguments as text; ``None`` if the API has no such URL."""
        return self._at(method, path) or self._below_server(method, path)

    def _at(self, method: str, path: str) -> tuple[AddedPlan, dict[str, str]] | None:
        if self._base and path.startswith(self._base + "/"):
            path = path[len(self._base) :]
        id = self._fixed.get((method, path.rstrip("/") or "/"))
        if id is not None:
            return self._plan(id), {}
        given = segments(path)
        text = "\0".join(given)
        for pattern, _, id in self._shaped.get((method, len(given)), ()):
            found = pattern.fullmatch(text)
            if found is not None:
                plan = self._plan(id)
                return plan, dict(zip(variables(plan.operation.path), found.groups(), strict=True))
        return None

    def _below_server(self, method: str, path: str) -> tuple[AddedPlan, dict[str, str]] | None:
        """The plan of an operation whose document gives it a server of its own."""
        for id, other, route in self._catalog.routes():
            if other == method:
                operation = self._catalog.operation(id)
                base = base_path(operation.server) if operation is not None and operation.server else ""
                if base and path.startswith(base + "/"):
                    found = self._at(method, path[len(base) :])
                    if found is not None and found[0].operation.path == route:
                        return found
        return None

    def _plan(self, id: str) -> AddedPlan:
        plan = self._known.get(id)
        if plan is None:
            operation = self._catalog.operation(id)
            assert operation is not None
            plan = self._known[id] = self._plans.plan(operation)
        return plan
