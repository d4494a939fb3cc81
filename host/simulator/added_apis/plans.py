"""Derives what an operation of an added API does: to which kind of objects, and where its answer holds them.

The path determines the kind: ``GET /statuses/{id}`` answers what ``POST /statuses`` created, whatever their schemas are
called. A collection that exists also below an owner (``/owners/{id}/pets`` and ``/pets``) is one kind if both have the
same schema.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import NamedTuple

from host.apis.catalog import Catalog, Operation, Schema
from host.apis.list_items import find_items, one_shape
from host.apis.page_names import plain_name
from host.simulator.added_apis.paths import collection_of, extends, last_step, normal, parents_of, single, variables
from host.simulator.routes import Action, Parent, RoutePlan

UNIQUE = ("id", "gid", "sid", "uid", "uuid", "guid", "pid", "identifier")  # names of ids that APIs generate
NAMING = (*UNIQUE, "sha", "key", "name", "slug", "code", "token", "number")
_SEARCH = re.compile(r"^(?:search|query|list|find|filter|_search|lookup)$", re.I)  # lists the collection above it
_ANSWERS_ONLY = re.compile(r"preview|delete|find|search|validate|estimate|calculate|check|verify|test$", re.I)


class Envelope(NamedTuple):
    """Where an answer has its object.

    ``schema`` is the object's. ``path`` is the member that holds it, "" if it is the answer itself. With ``many`` it is
    in a list there.
    """

    schema: Schema
    path: str = ""
    many: bool = False


class ObjectKind(NamedTuple):
    """The objects of one collection, whose path is ``name``.

    ``shape`` is the schema of one object. ``id`` is the member that identifies it, "" if none does. ``param`` is the
    schema of the path parameter that names it, and ``wire`` the parameter's name in the document.
    """

    name: str
    shape: Schema | None
    id: str
    param: Schema
    wire: str = ""


class AddedPlan(RoutePlan, frozen=True):
    """A :class:`RoutePlan` of an added API."""

    objects: ObjectKind = ObjectKind("", None, "", Schema())
    envelope: Envelope = Envelope(Schema())


class Plans:
    """Derives the plans of operations and the kinds of objects of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._kinds: dict[str, ObjectKind] = {}

    @cached_property
    def _items(self) -> dict[str, str]:
        """By collection, the operation on one of its items, preferably a GET."""
        found: dict[str, str] = {}
        for id, method, path in self._catalog.routes():
            steps = normal(path)
            if steps.endswith("/{}") and (method == "GET" or collection_of(steps) not in found):
                found[collection_of(steps)] = id
        return found

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        """The collections that have items by the last step of their paths, the shortest paths first."""
        found: dict[str, list[str]] = {}
        for path in sorted(self._items, key=lambda each: (each.count("{}"), len(each))):
            found.setdefault(last_step(path), []).append(path)
        return found

    def plan(self, op: Operation) -> AddedPlan:
        """The plan of ``op``."""
        path, names = normal(op.path), variables(op.path)
        items, item = self._listed(op)
        group = path in self._items and (op.method == "POST" or items is not None)  # /items/{collection}/{id}
        on_item = path.endswith("/{}") and not group
        place = collection_of(path) if on_item else path
        owners = parents_of(op.path)
        if items is not None and not on_item:
            if place not in self._items and _SEARCH.search(last_step(path)) and collection_of(path) in self._items:
                place = collection_of(path)
            return self._made(op, "list", self.kind(place, item), owners, listed=items)
        if (
            not on_item
            and place not in self._items
            and self._below_item(path)
            and op.method in ("POST", "PUT", "DELETE")
        ):
            found = self._action(op, path)
            if found is not None:
                return found
        subject = self.envelope(op, names[-1] if on_item and names else "")
        kind = self.kind(place, subject.schema)
        if on_item:
            actions: dict[str, Action] = {"GET": "retrieve", "DELETE": "delete"}
            return self._made(op, actions.get(op.method, "update"), kind, owners[:-1], target=names[-1])
        makes = place in self._items or (kind.id and not _ANSWERS_ONLY.search(last_step(path)))
        if op.method == "POST" and makes:
            return self._made(op, "create", kind, owners)
        action: Action = "compute" if op.method == "POST" else "single"
        return self._made(op, action, kind, owners)

    def _made(
        self,
        op: Operation,
        action: Action,
        kind: ObjectKind,
        owners: tuple[Parent, ...],
        target: str = "",
        listed: str = "",
    ) -> AddedPlan:
        envelope = self.envelope(op, "", kind.id) if action != "list" else Envelope(Schema())
        return AddedPlan(
            op,
            action,
            kind.name,
            kind.shape,
            owners,
            target,
            "",
            listed,
            objects=kind,
            envelope=envelope,
        )

    def _listed(self, op: Operation) -> tuple[str | None, Schema]:
        """The member of the answer that holds a list's items, and their schema; ``None`` if it is no list."""
        if op.result is None or op.method not in ("GET", "QUERY", "POST") or (op.method == "POST" and not op.paging):
            return None, Schema()
        if op.paging:
            result = self._catalog.resolve(op.result)
            member, item = find_items(op, result, self._catalog)
            return op.page_items, item if member == op.page_items else Schema()
        result = one_shape(op.result, self._catalog)
        member, item = find_items(op, result, self._catalog)
        if member is None or not (item.properties or item.type == "object" or member == ""):
            return None, Schema()
        if self._catalog.id_field in result.properties:
            return None, Schema()
        return member, item

    def _below_item(self, path: str) -> bool:
        return path.rpartition("/")[0].endswith("/{}")

    def _action(self, op: Operation, path: str) -> AddedPlan | None:
        """The plan of a verb below an item (``/incidents/{id}/close``); ``None`` if its answer is another object."""
        owner = collection_of(path.rpartition("/")[0])
        if owner not in self._items:
            return None
        kind = self.kind(owner, Schema())
        owners, names = parents_of(op.path), variables(op.path)
        envelope = self.envelope(op, "", kind.id)
        same = kind.shape is not None and envelope.schema.ref and envelope.schema.ref == kind.shape.ref
        if op.result is not None and not same:
            return None
        verb = last_step(path)
        return AddedPlan(
            op, "act", kind.name, kind.shape, owners[:-1], names[-1], verb, objects=kind, envelope=envelope
        )

    # -- kinds

    def kind(self, place: str, schema: Schema) -> ObjectKind:
        """The kind of the objects in the collection ``place``; ``schema`` is what an answer shows of one."""
        found = self._kinds.get(place)
        if found is None:
            found = self._kinds[place] = self._kind(self._home(place, schema), schema)
        return found

    def _home(self, place: str, schema: Schema) -> str:
        own = self._item_shape(place) if place in self._items else schema
        for other in self._by_name.get(last_step(place), ()):
            shape = self._item_shape(other) if extends(place, other) else None
            if own is not None and shape is not None and own.ref and own.ref == shape.ref:
                return other
        return place

    def _item_shape(self, place: str) -> Schema | None:
        op = self._catalog.operation(self._items[place])
        assert op is not None
        names = variables(op.path)
        return self.envelope(op, names[-1] if names else "").schema if op.result is not None else None

    def _kind(self, home: str, schema: Schema) -> ObjectKind:
        param, name = Schema(), ""
        shape: Schema | None = schema if schema.ref or schema.properties else None
        if home in self._items:
            op = self._catalog.operation(self._items[home])
            assert op is not None
            wire = variables(op.path)[-1]
            found = next((each for each in op.params.values() if each.location == "path" and each.name == wire), None)
            param, name = found.schema if found is not None else param, wire
            shape = self._item_shape(home) or shape
        full = one_shape(shape, self._catalog) if shape is not None else Schema()
        return ObjectKind(home, shape, self.id_member(full, name, home), param, name)

    def id_member(self, schema: Schema, param: str, place: str = "") -> str:
        """The member whose value the path's last parameter has, preferably the one of the same name; or ""."""
        wanted, members = plain_name(param), {plain_name(name): name for name in schema.properties}
        scalars = {
            plain: name
            for plain, name in members.items()
            if self._catalog.resolve(schema.properties[name]).type in ("string", "integer", "number", "")
        }
        if wanted in scalars and wanted:
            return scalars[wanted]
        ending = [word for word in NAMING if wanted.endswith(word) and word in scalars]
        if ending:
            return scalars[max(ending, key=len)]
        own = plain_name(single(last_step(place)))
        usual = (*UNIQUE, *(f"{own}{word}" for word in UNIQUE if own), *(NAMING if param else ()))
        return next((scalars[word] for word in usual if word in scalars), "")

    # -- envelopes

    def envelope(self, op: Operation, param: str, member: str = "") -> Envelope:
        """Where the answer of ``op`` has its object, which has a member for ``param`` of the path, or ``member``."""
        if op.result is None:
            return Envelope(Schema())
        full = one_shape(op.result, self._catalog)
        if full.type == "array":
            return Envelope(full.items or Schema(), "", True)
        if member and member in full.properties:
            return Envelope(op.result)
        if not member and self.id_member(full, param) and not self._only_wraps(full):
            return Envelope(op.result)
        return self._inside(op, full, param, member) or Envelope(op.result)

    def _only_wraps(self, full: Schema) -> bool:
        """Whether the answer has a single member, which is not an id."""
        return self._catalog.id_field not in full.properties and len(full.properties) == 1

    def _inside(self, op: Operation, full: Schema, param: str, member: str) -> Envelope | None:
        found: list[Envelope] = []
        for name, each in full.properties.items():
            inner = one_shape(each, self._catalog)
            many = inner.type == "array"
            item = (inner.items or Schema()) if many else each
            shape = one_shape(item, self._catalog)
            if (member in shape.properties) if member else bool(self.id_member(shape, param)):
                found.append(Envelope(item, name, many))
        alone = [each for each in found if not each.many] or found
        if len(alone) > 1:
            step = last_step(collection_of(normal(op.path))) if op.path.endswith("}") else last_step(normal(op.path))
            plain = plain_name(single(step))
            alone = [each for each in alone if plain_name(single(each.path)) in (plain, "data")] or alone
        return alone[0] if len(alone) == 1 else None
