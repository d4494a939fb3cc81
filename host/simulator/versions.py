"""Older versions of an API: translates their parameters to the newest version, and answers to theirs.

The changes are data (``versions`` and ``older_members`` of :mod:`host.simulator.stripe`), so that behaviours know the
newest version only.
https://docs.stripe.com/api/versioning
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from host.simulator.api_error import SimulatedError
from host.simulator.context import Backend, Includable, Object
from host.simulator.parsing import Tree

_FORM = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.([a-z_]+))?")


class Renamed(NamedTuple):
    """From version ``since`` on, the parameter ``old`` of ``operations`` is called ``new``.

    Both are dotted paths, in which a number is an index of a list, and ``*`` stands for each of its items. ``sets`` are
    further members, by path, that the new form has. ``made(value, params, backend)`` makes the new value from the
    old one and the parameters around it. If ``new`` is "", the parameter no longer exists: the operation finds it in
    ``RequestContext.removed_params``.
    """

    since: str
    operations: frozenset[str]
    old: str
    new: str
    sets: Mapping[str, str] = {}
    made: Callable[[Any, Tree, Backend], Any] | None = None


class Moved(NamedTuple):
    """Before version ``since``, objects of ``kind`` had ``member``.

    ``value`` is the dotted path at which the newest version has its value, or a function that gives it. ``refers`` is
    the kind of object whose id it is, and which it can be expanded to. With ``replaces`` the newest version has a
    member of the same name, with another value.
    """

    since: str
    kind: str
    member: str
    value: str | Includable
    refers: str = ""
    replaces: bool = False


class MovedEndpoint(NamedTuple):
    """Before version ``since``, a GET of ``old`` did what a POST to ``new`` does now, with the same parameters."""

    since: str
    old: str
    new: str


class Train(NamedTuple):
    """The versions that share a name (``basil``): those from the date ``first`` until the next train begins."""

    first: str
    name: str


class Versions:
    """The versions of one API, and what changed in them.

    ``newest`` is the catalog's version (``2026-01-28.clover``), ``oldest`` the date of the first one that is known.
    """

    def __init__(
        self,
        newest: str,
        oldest: str,
        trains: Sequence[Train],
        renamed: Sequence[Renamed] = (),
        moved: Sequence[Moved] = (),
        readdressed: Sequence[MovedEndpoint] = (),
    ) -> None:
        self.newest = newest
        self._oldest = oldest
        self._trains = trains
        self._renamed: dict[str, list[Renamed]] = {}
        for each in renamed:
            for id in each.operations:
                self._renamed.setdefault(id, []).append(each)
        self._moved = moved
        self._readdressed = {each.old: each for each in readdressed}
        self._tables: dict[str, Mapping[str, Mapping[str, Moved]]] = {}

    def day(self, version: str) -> str:
        """The date of a version. Raises :class:`SimulatedError` for an unknown one."""
        if version == self.newest:
            return version[:10]
        found = _FORM.fullmatch(version)
        if found is None or not self._oldest <= found[1] < self.newest[:10] or found[2] != self._train(found[1]):
            raise SimulatedError(
                400,
                f"Invalid Stripe API version: {version[:40]}. The simulator knows {self.newest}, and earlier versions "
                f"from {self._oldest} on.",
            )
        return found[1]

    def address(self, method: str, path: str, version: str) -> str | None:
        """The path that a GET of an older version (or of any, "") has to be POSTed to now; else ``None``."""
        found = self._readdressed.get(path) if method == "GET" else None
        return found.new if found is not None and version[:10] < found.since else None

    def _train(self, day: str) -> str | None:
        names = [train.name for train in self._trains if train.first <= day]
        return names[-1] if names else None

    def request(self, operation: str, day: str, params: Tree, backend: Backend) -> tuple[dict[str, str], Tree]:
        """Translate the parameters to the newest version, in place.

        Returns the older names that the client used, by the newer ones, and the parameters that the newest version no
        longer has, which are removed from ``params``.
        """
        used: dict[str, str] = {}
        removed: Tree = {}
        for each in self._renamed.get(operation, ()):
            if day < each.since and not each.new and each.old in params:
                removed[each.old] = params.pop(each.old)
            elif day < each.since and _rename(params, each, backend):
                used[_bracketed(each.new)] = _bracketed(each.old)
        return used, removed

    def older(self, day: str) -> Mapping[str, Mapping[str, Moved]]:
        """By kind and name, the members that answers of that date have and the newest version has not."""
        found = self._tables.get(day)
        if found is None:
            table: dict[str, dict[str, Moved]] = {}
            for each in self._moved:
                if day < each.since:
                    table.setdefault(each.kind, {})[each.member] = each
            found = self._tables[day] = table
        return found

    def answer(self, day: str, value: Any, backend: Backend) -> None:
        """Add, in place and at any depth, the members that objects had on that date."""
        table = self.older(day)
        if table:
            _add(table, value, backend)


def with_older_names(refusal: SimulatedError, used: Mapping[str, str]) -> SimulatedError:
    """Put the names that the client used (see :meth:`Versions.request`) into the refusal, in place; returns it."""
    for new, old in used.items():
        refusal.message = refusal.message.replace(new, old)
        if refusal.param is not None and refusal.param.startswith(new):
            refusal.param = old + refusal.param.removeprefix(new)
    return refusal


def _bracketed(place: str) -> str:
    """``discounts.0.coupon`` → ``discounts[0][coupon]``."""
    first, *rest = place.split(".")
    return first + "".join(f"[{name}]" for name in rest)


def value_of(moved: Moved, value: Object, backend: Backend) -> Any:
    """The value of an older version's member of an object."""
    return _at(value, moved.value.split(".")) if isinstance(moved.value, str) else moved.value(backend, value)


def _add(table: Mapping[str, Mapping[str, Moved]], value: Any, backend: Backend) -> None:
    if isinstance(value, list):
        for item in value:
            _add(table, item, backend)
    elif isinstance(value, dict):
        for name, moved in table.get(str(value.get("object")), {}).items():
            if name not in value or moved.replaces:
                value[name] = value_of(moved, value, backend)
        for item in value.values():
            if isinstance(item, dict | list):
                _add(table, item, backend)


def _at(value: Any, names: list[str]) -> Any:
    for name in names:
        if isinstance(value, list):
            value = value[int(name)] if len(value) > int(name) else None
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


def _rename(params: Any, each: Renamed, backend: Backend) -> bool:
    """Rename one parameter, if it is there. Returns whether messages have to use its older name."""
    head, star, rest = each.old.partition(".*.")
    if star:  # in each item of a list, which in forms is a map by index
        items = params.get(head)
        inner = each._replace(old=rest, new=each.new.partition(".*.")[2])
        for item in (items.values() if isinstance(items, dict) else items) or ():
            if isinstance(item, dict):
                _rename(item, inner, backend)
        return False  # messages about an item use the newer name
    *way, last = each.old.split(".")
    node: Any = params
    for name in way:
        node = node.get(name) if isinstance(node, dict) else None
    if not isinstance(node, dict) or last not in node:
        return False
    value = node.pop(last)
    made = each.made(value, params, backend) if each.made is not None else value
    if value == "" and each.new.endswith(".0." + each.new.rpartition(".")[2]):
        _put(params, each.new.split(".")[:-2], "")  # unsetting the old parameter unsets the list
        return False
    _put(params, each.new.split("."), made)
    for place, word in each.sets.items():
        _put(params, place.split("."), word)
    return each.new != each.old


def _put(target: Tree, names: list[str], value: Any) -> None:
    for name in names[:-1]:
        inner = target.setdefault(name, {})
        if not isinstance(inner, dict):
            return  # the new form is given too; the checks refuse what is wrong with it
        target = inner
    target.setdefault(names[-1], value)
