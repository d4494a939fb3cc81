"""Finds the operation for a method and path, and derives what it does to which objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import msgspec

from host.apis.catalog import Catalog, Operation, Schema
from host.simulator.parsing import segments

Action = Literal["create", "retrieve", "list", "search", "update", "delete", "act", "single", "compute"]


class Parent(NamedTuple):
    """A path parameter that names an object's owner, and the names that the object's member for it may have."""

    param: str
    names: tuple[str, ...]
    kind: str = ""  # of the owner, where the path up to it answers one


class RoutePlan(msgspec.Struct, frozen=True):
    """What an operation does.

    ``kind`` is the kind of object it is about: its schema's name, or the path of its collection where it has none.
    ``shape`` is the object's schema. ``parents`` are the path parameters that name its owners, ``target`` is the one
    that names the object itself. ``verb`` is the verb of an "act". "single" is an operation on an object that exists
    once (for each owner); "compute" answers an object that is not stored. ``listed`` is the member of a page that holds
    the objects, "" where the page is an array.
    """

    operation: Operation
    action: Action
    kind: str
    shape: Schema | None
    parents: tuple[Parent, ...] = ()
    target: str = ""
    verb: str = ""
    listed: str = ""


class Routes:
    """The operations of a catalog by method and path, and the plans in ``beyond``. Plans are derived when needed."""

    def __init__(self, catalog: Catalog, beyond: Iterable[RoutePlan] = ()) -> None:
        self._catalog = catalog
        self._fixed: dict[tuple[str, str], str] = {}
        self._shaped: dict[tuple[str, int], list[tuple[tuple[str | None, ...], str]]] = {}
        self._items: dict[tuple[str | None, ...], str] = {}
        self._plans: dict[str, RoutePlan] = {}
        self._base = base_path(catalog.base_url)
        self._plans.update({plan.operation.id: plan for plan in beyond})
        known = [(plan.operation.id, plan.operation.method, plan.operation.path) for plan in self._plans.values()]
        for id, method, path in (*catalog.routes(), *known):
            parts = tuple(None if "{" in part else part for part in path.strip("/").split("/"))
            if None in parts:
                self._shaped.setdefault((method, len(parts)), []).append((parts, id))
            else:
                self._fixed[method, path.rstrip("/") or "/"] = id
            if method == "GET":
                self._items.setdefault(parts, id)
        for choices in self._shaped.values():  # fixed segments win over parameters
            choices.sort(key=lambda choice: [part is None for part in choice[0]])

    def find(self, method: str, path: str) -> tuple[RoutePlan, dict[str, str]] | None:
        """The plan for a request, and its path arguments as text; ``None`` if the API has no such URL."""
        if self._base and path.startswith(self._base + "/"):
            path = path[len(self._base) :]
        id = self._fixed.get((method, path.rstrip("/") or "/"))
        if id is not None:
            return self._plan(id), {}
        given = segments(path)
        for parts, id in self._shaped.get((method, len(given)), ()):
            if all(part is None or part == given[n] for n, part in enumerate(parts)):
                plan = self._plan(id)
                names = plan.operation.path.strip("/").split("/")
                found = {
                    name[name.index("{") + 1 : name.index("}")]: given[n] for n, name in enumerate(names) if "{" in name
                }
                if all(found.values()):
                    return plan, found
        return None

    def plans(self) -> Iterator[RoutePlan]:
        """The plan of each operation, in the document's order."""
        return map(self._plan, self._catalog.operation_ids())

    def _plan(self, id: str) -> RoutePlan:
        plan = self._plans.get(id)
        if plan is None:
            operation = self._catalog.operation(id)
            assert operation is not None
            plan = self._plans[id] = self._read(operation)
        return plan

    def _read(self, op: Operation) -> RoutePlan:
        parts = op.path.strip("/").split("/")
        names = tuple(part[part.index("{") + 1 : part.index("}")] for part in parts if "{" in part)
        owners = self._parents(parts)
        on_item = "{" in parts[-1]
        kind, shape, listed = self._subject(op)
        if op.method == "GET":
            if kind and (listed is not None):
                action: Action = "search" if op.paging == "search" or parts[-1] == "search" else "list"
                return RoutePlan(op, action, kind, shape, owners, listed=listed)
            if on_item:
                return RoutePlan(op, "retrieve", kind, shape, owners[:-1], names[-1])
            return RoutePlan(op, "single", kind, shape, owners)
        if op.method == "DELETE":
            if on_item:
                owner = self._kind_of_item(parts) or kind
                return RoutePlan(op, "delete", owner, shape, owners[:-1], names[-1])
            return RoutePlan(op, "act", kind, shape, owners[:-1], names[-1] if names else "", "delete")
        if on_item or op.method in ("PUT", "PATCH"):
            last = names[-1] if on_item else ""
            return RoutePlan(op, "update", kind, shape, owners[:-1] if on_item else owners, last)
        return self._read_post(op, parts, kind, shape)

    def _read_post(self, op: Operation, parts: list[str], kind: str, shape: Schema | None) -> RoutePlan:
        owners = self._parents(parts)
        owner = self._kind_of_item(parts[:-1]) if len(parts) > 1 and "{" in parts[-2] else ""
        last = op.id.rpartition(".")[2]
        if last == "update":
            return RoutePlan(op, "single", kind, shape, owners)
        if owners and last != "create" and (owner == kind or self._acts_on(parts, kind)):
            return RoutePlan(op, "act", kind, shape, owners[:-1], owners[-1].param, parts[-1])
        if re.search(r"preview|delete|find", parts[-1]):
            return RoutePlan(op, "compute", kind, shape, owners)
        return RoutePlan(op, "create", kind, shape, owners)

    def _acts_on(self, parts: list[str], kind: str) -> bool:
        """Whether the path is a verb on an object of ``kind``, with more segments between the two
        (``shipping/deliver``), or below ``test_helpers``.
        """
        last_item = max(n for n, part in enumerate(parts) if "{" in part)
        if parts[1:2] == ["test_helpers"]:
            parts = [parts[0], *parts[2:]]
            last_item -= 1
        return self._kind_of_item(parts[: last_item + 1]) == kind

    def _kind_of_item(self, parts: list[str]) -> str:
        id = self._items.get(tuple(None if "{" in part else part for part in parts))
        if id is None:
            return ""
        operation = self._catalog.operation(id)
        return self._subject(operation)[0] if operation is not None else ""

    def _parents(self, parts: list[str]) -> tuple[Parent, ...]:
        found = []
        for n, part in enumerate(parts):
            if "{" in part:
                param = part[part.index("{") + 1 : part.index("}")]
                short = param.removesuffix("_id").removesuffix("Id")
                said = (param, short, f"{short}_id", f"{short}Id") if param != "id" else ()
                single = parts[n - 1].removesuffix("s") if n else ""
                names = dict.fromkeys((*said, single, f"{single}_id", f"{single}Id", single.rpartition("_")[2]))
                kind = self._kind_of_item(parts[: n + 1])
                union = bool(kind) and self._catalog.resolve(Schema(ref=kind)).any_of
                found.append(Parent(param, tuple(names), "" if union else kind))
        return tuple(found)

    def _subject(self, op: Operation) -> tuple[str, Schema | None, str | None]:
        """The kind and schema of the objects that the operation answers, and the member of a page that holds them
        ("" for an array, ``None`` where the answer is one object).
        """
        path = collection(op.path)
        if op.result is None:
            return self._kind_by_path(path, op), None, None
        full = self._catalog.resolve(op.result)
        if full.list_of:
            return full.list_of, Schema(ref=full.list_of), "data"
        if full.type == "array":
            items = full.items or Schema()
            return items.ref or path, items, ""
        if op.method == "GET" and not op.path.endswith("}"):
            lists = [n for n, s in full.properties.items() if self._catalog.resolve(s).type == "array"]
            if len(lists) == 1 and not op.result.ref.startswith("part."):
                items = self._catalog.resolve(full.properties[lists[0]]).items or Schema()
                if items.ref and self._catalog.id_field in self._catalog.resolve(items).properties:
                    return items.ref, items, lists[0]
        return op.result.ref or path, op.result, None

    def _kind_by_path(self, path: str, op: Operation) -> str:
        """The kind of an operation whose answer has no body (204): that of a GET of the same path."""
        parts = [None if "{" in part else part for part in op.path.strip("/").split("/")]
        id = self._items.get(tuple(parts))
        other = self._catalog.operation(id) if id is not None else None
        return self._subject(other)[0] if other is not None and other.result is not None else path


def collection(path: str) -> str:
    """``/v1/customers/{customer}`` → ``/v1/customers``, which is the kind of objects without a named schema."""
    return path.rpartition("/")[0] if path.endswith("}") else path


def base_path(url: str) -> str:
    """The path of an API's base URL: ``https://api.example.com/v2`` → ``/v2``."""
    rest = url.partition("://")[2] or url
    return ("/" + rest.partition("/")[2]).rstrip("/")
