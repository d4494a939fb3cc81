"""The reference text of one parameter: its nested members, allowed values, limits and descriptions."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from host.apis.catalog import Catalog, Operation, Param, Schema
from host.apis.descriptions import Described, Descriptions
from host.apis.nearest import meant
from host.errors import UsageError

__all__ = ["parameter_lines", "plain_text"]

WIDTH = 100  # of lines of text
MOST_LINES = 2000
MOST_DEPTH = 12
_SIMPLE = ("string", "integer", "number", "boolean")


class _Place(NamedTuple):
    """A parameter or member: its name, schema and description."""

    name: str
    schema: Schema
    described: Described
    required: bool


def parameter_lines(catalog: Catalog, operation: Operation, path: str, texts: Descriptions) -> list[str]:
    """The reference lines of the parameter ``path`` (``recurring``) or a member of it (``recurring.interval``).

    Raises ``UsageError`` if there is no such parameter or member.
    """
    name, *members = path.split(".")
    found = operation.params.get(name) or next((p for p in operation.params.values() if p.name == name), None)
    if found is None and path in operation.params:
        name, members, found = path, [], operation.params[path]
    if found is None:
        raise UsageError(f"{operation.id} has no parameter {name!r}{meant(name, list(operation.params))}")
    key = next(known for known, param in operation.params.items() if param is found)
    view = _View(catalog, texts)
    place = _Place(key, found.schema, texts.param(operation.id, key), found.required)
    for member in members:
        place = view.member(place, member)
    head = f"{operation.id}: {'.'.join([key, *members])}"
    return [head, *view.value(place, 1, () if members else _sent(key, found))][:MOST_LINES]


def _sent(name: str, param: Param) -> tuple[str, ...]:
    """Where a parameter is sent, and its wire name if that differs from ``name``."""
    where = "in the body" if param.location == "body" else f"in the {param.location}"
    return (where, *([] if param.name == name else [f"sent as {param.name!r}"]))


def plain_text(text: str) -> str:
    """``text`` on one line, with each run of whitespace replaced by one space."""
    return " ".join(text.split())


class _View:
    def __init__(self, catalog: Catalog, texts: Descriptions) -> None:
        self._catalog = catalog
        self._texts = texts
        self._within: list[str] = []  # shared schemas being written, to stop at cycles

    def member(self, place: _Place, name: str) -> _Place:
        """The member ``name`` of a value, its items or its alternatives. Raises ``UsageError`` if there is none."""
        known: dict[str, _Place] = {}
        for shape in self._shapes(place.schema):
            for each in self._members(shape, place.described):
                known.setdefault(each.name, each)
        if name not in known:
            raise UsageError(f"{place.name} has no member {name!r}{meant(name, list(known))}")
        return known[name]

    def value(self, place: _Place, depth: int, words: tuple[str, ...] = ()) -> Iterator[str]:
        """The lines of a value, followed by those of its members, indented by ``depth``."""
        indent = "  " * depth
        shape = self._catalog.resolve(place.schema)
        said = [self._kind(place.schema), *words, *(["required"] if place.required else []), *_limits(shape)]
        yield indent + ", ".join(said)
        for paragraph in self._texts.text(place.described).split("\n"):
            if paragraph.strip():
                yield from textwrap.wrap(
                    " ".join(paragraph.split()), WIDTH, initial_indent=indent, subsequent_indent=indent
                )
        for each in self._shapes(place.schema):
            if each.enum:
                more = "" if each.closed_enum else ", or another"
                yield from textwrap.wrap(
                    f"one of {', '.join(map(_shown, each.enum))}{more}",
                    WIDTH,
                    initial_indent=indent,
                    subsequent_indent=indent + "  ",
                    break_long_words=False,
                )
        yield from self._below(place, depth)

    def _below(self, place: _Place, depth: int) -> Iterator[str]:
        """The lines of a value's members, depth first; those of alternatives follow one another."""
        if depth > MOST_DEPTH:
            return
        shown: set[str] = set()
        for shape, ref in self._shapes_with_refs(place.schema):
            if ref and ref in self._within:
                yield f"{'  ' * depth}(as above)"
                continue
            self._within.append(ref)
            for each in self._members(shape, place.described):
                if each.name not in shown:
                    shown.add(each.name)
                    yield f"{'  ' * depth}{each.name}"
                    yield from self.value(each, depth + 1)
            self._within.pop()

    def _members(self, shape: Schema, described: Described) -> Iterator[_Place]:
        for name, schema in shape.properties.items():
            yield _Place(name, schema, self._texts.member(described, name), name in shape.required)
        if shape.additional is not None and self._catalog.resolve(shape.additional) != Schema():
            yield _Place("<name>", shape.additional, Described(), False)

    def _shapes(self, schema: Schema) -> list[Schema]:
        return [shape for shape, _ in self._shapes_with_refs(schema)]

    def _shapes_with_refs(self, schema: Schema) -> list[tuple[Schema, str]]:
        """The schemas a value may have, with alternatives and items expanded, each with its shared name or ""."""
        found: list[tuple[Schema, str]] = []
        waiting = [schema]
        while waiting and len(found) < 100:
            each = waiting.pop(0)
            shape = self._catalog.resolve(each)
            if shape.any_of:
                waiting[:0] = shape.any_of
            elif shape.type == "array" and shape.items is not None:
                waiting.insert(0, shape.items)
            else:
                found.append((shape, each.ref))
        return found

    def _kind(self, schema: Schema) -> str:
        shape = self._catalog.resolve(schema)
        if shape.any_of:
            return " or ".join(dict.fromkeys(self._kind(each) for each in shape.any_of))
        if shape.type == "array":
            return f"list of {self._kind(shape.items or Schema())}"
        if shape.type == "object":
            return "table" if shape.properties else "map"
        return shape.type or "anything"


def _limits(shape: Schema) -> list[str]:
    found = [f"no value can be sent: {shape.missing}"] if shape.missing else []
    found += [shape.format] if shape.format else []
    if shape.minimum is not None:
        found.append(f"at least {shape.minimum:g}")
    if shape.maximum is not None:
        found.append(f"at most {shape.maximum:g}")
    if shape.min_length:
        found.append(f"at least {shape.min_length} characters")
    if shape.max_length is not None:
        found.append(f"at most {shape.max_length} characters")
    if shape.pattern:
        found.append(f"like {shape.pattern}")
    if shape.default is not None:
        found.append(f"by default {_shown(shape.default)}")
    return [*found, *(["may be null"] if shape.nullable else [])]


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
