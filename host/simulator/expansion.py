"""``expand[]``: ids replaced by the objects they name, and members that answers have only when they are expanded.

https://docs.stripe.com/expand
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from typing import Any

from host.apis.catalog import Operation, Schema
from host.simulator.api_error import SimulatedError, invalid
from host.simulator.context import Backend, Includable, Object, StoredMember
from host.simulator.versions import Moved, value_of

MOST = 10  # objects of a list inside an object; the rest are at its ``url``
MAX_DEPTH = 4  # levels, with the ``data`` of lists: https://docs.stripe.com/api/expanding_objects
Table = Mapping[str, Mapping[str, Includable]]
Within = Mapping[str, Callable[[Backend, str], Object | None]]
Older = Mapping[str, Mapping[str, Moved]]


class Expander:
    """Expands the answers of one API.

    ``includable`` are, by kind, the members that answers leave out unless they are expanded. ``within`` has, by kind, a
    function that finds an object by its id where it is stored inside another one.
    """

    def __init__(self, backend: Backend, includable: Table, within: Within) -> None:
        self._backend = self._asked = backend  # that of the object to expand in, and that of the request
        self._within = within
        self._includable = includable
        kept = {
            each.member
            for members in includable.values()
            for each in members.values()
            if isinstance(each, StoredMember)
        }
        self._marks = tuple(f'"{name}":'.encode() for name in sorted(kept))
        self._holders = frozenset(
            kind
            for kind, members in includable.items()
            if any(isinstance(each, StoredMember) for each in members.values())
        )
        self._reaches: dict[str, bool] = {}
        self._lists: dict[str, tuple[bytes, ...]] = {}
        self._left: list[str] = []  # ids that name no object, of the path being expanded

    def within(self, backend: Backend) -> Expander:
        """The same, for the objects of another account's backend."""
        if backend is self._backend:
            return self
        other = self._at(backend)
        other._asked = backend
        return other

    def _at(self, backend: Backend) -> Expander:
        """The same request, for an object of another account's backend."""
        other = copy(self)
        other._backend = backend
        return other

    def is_due(self, operation: Operation, body: bytes) -> bool:
        """Whether an answer holds a member that has to be left out, or a list that is too long for its object."""
        reaches = self._reaches.get(operation.id)
        if reaches is None:
            reaches = self._reaches[operation.id] = self._reach(operation.result, set())
            listed = self._listed(operation.result)
            self._lists[operation.id] = tuple(f'"object":"{kind}"'.encode() for kind in sorted(listed))
        lists = self._lists[operation.id]
        return (reaches and any(mark in body for mark in self._marks)) or any(body.count(each) > MOST for each in lists)

    def _listed(self, schema: Schema | None) -> set[str]:
        """The kinds of objects in the lists that are stored in an answer, or in the objects of a page."""
        full = self._backend.catalog.resolve(schema or Schema())
        if full.list_of:
            return self._listed(Schema(ref=full.list_of))
        left_out = self._includable.get(schema.ref, ()) if schema is not None else ()
        resolve = self._backend.catalog.resolve
        members = (resolve(each) for name, each in full.properties.items() if name not in left_out)
        return {each.list_of for each in members if each.list_of}

    def _reach(self, schema: Schema | None, seen: set[str]) -> bool:
        """Whether a value of ``schema`` may contain a whole object of a kind that stores such a member."""
        if schema is None or schema.expandable or schema.ref in seen:
            return False
        if schema.ref in self._holders:
            return True
        if schema.ref:
            seen.add(schema.ref)
        full = self._backend.catalog.resolve(schema)
        listed = (Schema(ref=full.list_of),) if full.list_of else ()
        left_out = self._includable.get(schema.ref, ())
        members = (each for name, each in full.properties.items() if name not in left_out)
        inner = (*members, *full.any_of, *listed, full.items, full.additional)
        return any(self._reach(each, seen) for each in inner)

    def strip(self, value: Any) -> None:
        """Remove, in place and at any depth, the members that answers have only when they are expanded, and what is
        beyond the first objects of a list inside an object.
        """
        if isinstance(value, dict):
            for name in self._includable.get(str(value.get("object")), ()):
                value.pop(name, None)
            for item in value.values():
                if isinstance(item, dict) and item.get("object") == "list" and len(item["data"]) > MOST:
                    item.update(data=item["data"][:MOST], has_more=True)
                if isinstance(item, dict | list):
                    self.strip(item)
        elif isinstance(value, list):
            for item in value:
                self.strip(item)

    def expand(self, operation: Operation, value: Object, paths: Iterable[Any], older: Older) -> Object:
        """Expand each dotted path of ``value``, the operation's answer, in place, and return it.

        ``older`` are, by kind, members that older versions have and that may be expanded as well. An id that names no
        object is refused, or stays an id where the simulator is lenient.
        """
        for path in paths:
            names = str(path).split(".")
            if len(names) > MAX_DEPTH:
                raise invalid(
                    f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path}",
                    code="property_expansion_max_depth",
                )
            left = self._left = []
            try:
                self._walk(operation.result, value, names, older)
            except _NotExpandable:
                raise _refusal(str(path), value) from None
            for name in left:
                self._backend.leniency.pass_over(operation.id, f"expanding {path}", f"It has no such object: {name}.")
        return value

    def _walk(
        self,
        schema: Schema | None,
        value: Object,
        names: list[str],
        older: Older,
        within: tuple[Object, str] | None = None,
    ) -> None:
        """Expand one path in ``value``. If that has no id, ``within`` is the object it is in, and its path there."""
        resolve = self._backend.catalog.resolve
        full = resolve(schema) if schema is not None else Schema()
        name, rest = names[0], names[1:]
        inner = full.properties.get(name)
        holder, place = (value, name) if within is None else (within[0], f"{within[1]}.{name}")
        include = self._includable.get(str(holder.get("object")), {}).get(place)
        moved = older.get(str(value.get("object")), {}).get(name) if inner is None else None
        if inner is None and include is None and moved is None:
            raise _NotExpandable
        if moved is not None:
            value[name] = value_of(moved, value, self._backend)
        own = resolve(inner or Schema())
        if include is not None and name not in value:
            value[name] = include(self._backend, holder)
            self.strip(value[name])
        targets = value.get(name)
        many = isinstance(targets, list)
        if many:
            own = resolve(own.items or Schema())
        kinds = self._kinds(own) or ([moved.refers] if moved else [])
        if not rest and include is None and moved is None and not (own.expandable or self._is_whole(own)):
            raise _NotExpandable
        found = [self._object(kinds, item, value) for item in (targets if isinstance(targets, list) else [targets])]
        if targets is not None:
            value[name] = [item for item, _ in found] if many else found[0][0]
        if not rest:
            return
        for item, backend in found:
            if isinstance(item, dict):
                inside = None if "object" in item else (holder, place)
                self._at(backend)._walk(self._schema(own, kinds, item), item, rest, older, inside)

    def _is_whole(self, schema: Schema) -> bool:
        """Whether a member is never an id, but always a whole object or a list; expanding it changes nothing."""
        choices = (schema, *(self._backend.catalog.resolve(each) for each in schema.any_of))
        return any(each.list_of or "object" in each.properties for each in choices)

    def _kinds(self, schema: Schema) -> list[str]:
        """The kinds of objects that a member refers to; those of a union (``payment_source``) follow its name."""
        resolve = self._backend.catalog.resolve
        named = [choice.ref for choice in schema.any_of if choice.ref]
        return named + [inner.ref for ref in named for inner in resolve(Schema(ref=ref)).any_of if inner.ref]

    def _schema(self, own: Schema, kinds: list[str], item: Object) -> Schema:
        kind = str(item.get("object"))
        if kind in kinds or (kind != "list" and kind in self._includable):
            return self._backend.catalog.schema(kind)
        return own if own.properties or not kinds else self._backend.catalog.schema(kinds[0])

    def _object(self, kinds: list[str], target: Any, holder: Object) -> tuple[Any, Backend]:
        """The object that an id names, with its backend: this account's, or that of an account its holder names (a
        transfer's ``destination``).
        """
        if not isinstance(target, str):
            return target, self._backend
        ids = (each.get("id") if isinstance(each, dict) else each for each in holder.values())
        accounts = [each for each in ids if isinstance(each, str) and each.startswith("acct_")]
        for backend in (self._backend, self._asked, *(self._backend.of(each) for each in accounts)):
            for kind in kinds:
                found = backend.store.get(kind, target)
                if found is not None:
                    self.strip(found)
                    return found, backend
        for kind in kinds:
            if kind in self._within and (kept := self._within[kind](self._backend, target)) is not None:
                return kept, self._backend
        if kinds:
            self._left.append(target)
        return target, self._backend


class _NotExpandable(Exception):
    """A path leads to no member, or to one that is neither an id nor an object."""


def _refusal(path: str, value: Object) -> SimulatedError:
    """The refusal of a path that cannot be expanded; of a list, its objects' members are meant."""
    hint = f" You may want to try expanding 'data.{path}' instead." if value.get("object") == "list" else ""
    return invalid(f"This property cannot be expanded ({path}).{hint if not path.startswith('data') else ''}")
