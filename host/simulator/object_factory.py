"""Makes objects as the API answers them: every member of the schema, with plausible values.

Where a schema has a sample object, only values that a new object could have are taken from it: Stripe's published
samples hold stale ids and invented numbers.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from host.apis.catalog import Schema
from host.simulator.members import covered, fresh_sample, gives, is_time, iso_time, merged, sample_scalar, set_member

MAX_DEPTH = 6
MOST_FIELDS = 10_000  # of one object
_CREATION = frozenset({"created", "updated"})  # members with the time of creation in a new object


class SchemaSource(Protocol):
    """The part of a catalog that making objects needs."""

    def resolve(self, schema: Schema) -> Schema: ...
    def schema(self, ref: str) -> Schema: ...


NOW: Any = object()
"""As a default: the time at which the object is created."""

Times = list[tuple[tuple[str, ...], bool]]  # (path, whether it is an ISO 8601 text)


class Template(NamedTuple):
    """What new objects of a kind begin as.

    ``packed`` is the object in MessagePack, decoded for each new one. ``times`` are the paths of members that get the
    time of creation, each with whether it is written as ISO 8601 text. ``lists`` are the members that are list objects.
    ``invented`` are dotted paths of required members whose values have no source: the document gives none, and nobody
    has reviewed them.
    """

    packed: bytes
    times: tuple[tuple[tuple[str, ...], bool], ...]
    lists: tuple[str, ...]
    schema: Schema
    invented: tuple[str, ...] = ()


class Placeholders(NamedTuple):
    """Values for required members that have no source: of the right type, and otherwise arbitrary.

    ``choice`` is the index of an enum's value. ``date`` is in seconds since 1970; ``None`` is the time of creation.
    """

    text: str = ""
    number: int = 0
    choice: int = 0
    date: int | None = None


class ObjectFactory:
    """Makes new objects by kind, and puts callers' values into them.

    ``defaults`` are reviewed values of members of new objects, by kind, then by dotted path; :data:`NOW` stands for the
    time of creation. Stripe's API has them; without them (``None``) members have the values of the schema's sample.
    ``placeholders`` are used where there is no value. ``omit`` are, by kind, members that new objects do not have.
    """

    def __init__(
        self,
        catalog: SchemaSource,
        defaults: dict[str, dict[str, Any]] | None = None,
        placeholders: Placeholders | None = None,
        omit: Mapping[str, Container[str]] | None = None,
    ) -> None:
        self._catalog = catalog
        self._defaults = defaults or {}
        self._samples = defaults is None
        self._placeholders = placeholders or Placeholders()
        self._omit = omit or {}
        self._known: dict[int, Mapping[str, Any]] = {}  # defaults by the identity of a template's schema
        self._putting: Mapping[str, Any] = {}  # defaults of the object that values are being put into
        self._templates: dict[str, Template] = {}
        self._left = 0  # how many more required members the object may get, since nesting multiplies them

    def template(self, kind: str, schema: Schema | None = None) -> Template:
        """The template of ``kind``, made from the schema of that name, or from ``schema``."""
        found = self._templates.get(kind)
        if found is None:
            full = self._catalog.resolve(schema or self._catalog.schema(kind))
            if full.any_of and not full.properties:
                full = self._catalog.resolve(full.any_of[0])
            found = self._templates[kind] = self._template(kind, full)
        return found

    def _template(self, kind: str, full: Schema) -> Template:
        times: Times = []
        invented: list[str] = []
        self._left = MOST_FIELDS
        value = self._object(full, full.example, (), times, invented)
        omit = self._omit.get(kind, ())
        value = {name: item for name, item in value.items() if name not in omit}
        known = self._defaults.get(kind, {})
        for name, item in known.items():
            place = tuple(name.split("."))
            if not set_member(value, place, 0 if item is NOW else item):
                continue  # it is inside a member that a new object does not have
            times = [time for time in times if time[0][: len(place)] != place]
            if item is NOW:
                times.append((place, len(place) == 1 and full.properties[name].type == "string"))
        lists = tuple(name for name, item in value.items() if isinstance(item, dict) and item.get("object") == "list")
        unknown = tuple(path for path in invented if not covered(path, known))
        self._known[id(full)] = known
        return Template(msgspec.msgpack.encode(value), tuple(times), lists, full, unknown)

    def fresh(self, template: Template, now: int) -> dict[str, Any]:
        """A new object, with its times set to ``now`` (seconds since 1970)."""
        value: dict[str, Any] = msgspec.msgpack.decode(template.packed)
        for path, iso in template.times:
            node = value
            for name in path[:-1]:
                node = node[name]
            node[path[-1]] = iso_time(now) if iso else now
        return value

    def put(
        self,
        schema: Schema,
        target: dict[str, Any],
        values: dict[str, Any],
        invented: list[str] | None = None,
        path: tuple[str, ...] = (),
    ) -> None:
        """Set in ``target``, an object of ``schema``, those of ``values`` that ``schema`` has as members.

        ``None`` unsets a member. Metadata is merged, and its entries of "" or ``None`` are removed. Where a nested
        object in ``values`` lacks required members, they get placeholders, and their paths are added to ``invented``.
        """
        if not path:
            self._putting = self._known.get(id(schema), {})
        for name, value in values.items():
            place = schema.properties.get(name)
            if place is None:
                if schema.open_map or schema.additional is not None:
                    target[name] = value
                continue
            if name == "metadata":
                target[name] = merged(target.get(name), value)
            else:
                fitted = self.fit(place, value, target.get(name), invented, (*path, name))
                if fitted is not MISFIT:
                    target[name] = fitted

    def fit(
        self,
        schema: Schema,
        value: Any,
        current: Any = None,
        invented: list[str] | None = None,
        path: tuple[str, ...] = (),
    ) -> Any:
        """``value`` in the form that ``schema`` has it in answers, or :data:`MISFIT` if it has no such form."""
        full = self._catalog.resolve(schema)
        if value is None:
            return self._unset(schema, full)
        if full.any_of:
            if full.expandable:
                return value if isinstance(value, str) else MISFIT
            fits = (self.fit(choice, value, current, invented, path) for choice in full.any_of)
            return next((found for found in fits if found is not MISFIT), MISFIT)
        if full.list_of or full.type == "array" or isinstance(value, list):
            return self._fit_list(full, value, invented, path)
        if isinstance(value, dict):
            return self._fit_object(full, value, current, invented, path)
        if full.type in ("object", "boolean") and not isinstance(value, bool):
            return MISFIT
        if full.type in ("integer", "number") and not isinstance(value, int | float):
            return MISFIT
        return value

    def _fit_list(self, full: Schema, value: Any, invented: list[str] | None, path: tuple[str, ...]) -> Any:
        if full.type != "array" or not isinstance(value, list) or full.list_of:
            return MISFIT
        items = [self.fit(full.items or Schema(), item, None, invented, path) for item in value]
        return MISFIT if MISFIT in items else items

    def _fit_object(
        self, full: Schema, value: dict[str, Any], current: Any, invented: list[str] | None, path: tuple[str, ...]
    ) -> Any:
        if full.type not in ("object", ""):
            return MISFIT
        if not full.properties:
            return value
        self._left = MOST_FIELDS
        base = dict(current) if isinstance(current, dict) else self._nested(full, value, invented, path)
        self.put(full, base, value, invented, path)
        return base

    def _nested(
        self, full: Schema, value: dict[str, Any], invented: list[str] | None, path: tuple[str, ...]
    ) -> dict[str, Any]:
        """What a nested object begins as, before the caller's values are put into it."""
        made_up: list[str] = []
        base = self._object(full, None, (), [], made_up)
        start = ".".join(path) + "."
        known = {name[len(start) :]: item for name, item in self._putting.items() if name.startswith(start)}
        for name, item in known.items():
            set_member(base, name.split("."), item)
        if invented is not None:
            invented.extend(start + name for name in made_up if not (gives(value, name) or covered(name, known)))
        return base

    def _unset(self, schema: Schema, full: Schema) -> Any:
        if full.additional is not None and not full.properties and not schema.nullable:
            return {}
        if full.type == "array" and not (schema.nullable or full.nullable):
            return []
        return None

    def _object(
        self, full: Schema, sample: Any, path: tuple[str, ...], times: Times, invented: list[str]
    ) -> dict[str, Any]:
        sample = sample if self._samples and isinstance(sample, dict) else {}
        found: dict[str, Any] = {}
        for name, schema in full.properties.items():
            inner = self._catalog.resolve(schema)
            example = sample.get(name, inner.example if self._samples and not inner.properties else None)
            if schema.nullable or inner.nullable:
                if self._samples or inner.additional is None or inner.properties or name in full.required:
                    found[name] = example if fresh_sample(inner, example) else None
                elif name == "metadata":  # an optional map is empty, never null
                    found[name] = {}
            elif name in full.required and len(path) < MAX_DEPTH and self._left > 0:
                self._left -= 1
                found[name] = self._value(name, inner, example, (*path, name), times, invented)
        return found

    def _value(
        self, name: str, full: Schema, sample: Any, path: tuple[str, ...], times: Times, invented: list[str]
    ) -> Any:
        if full.expandable:
            invented.append(".".join(path))
            return None if self._samples else self._placeholders.text
        if full.list_of:
            return {"object": "list", "data": [], "has_more": False, "url": ""}
        if full.enum:
            return self._choice(full, sample, path, invented)
        if full.any_of:
            return self._value(name, self._catalog.resolve(full.any_of[0]), sample, path, times, invented)
        if is_time(name, full, by_name=not self._samples) or (name == "created" and full.type in ("string", "integer")):
            if name in _CREATION or self._samples:
                times.append((path, full.type == "string"))
                return 0
            return self._date(full, path, times, invented)
        if full.type == "array":
            return []
        if full.type == "object" or full.properties:
            return self._object(full, sample, path, times, invented)
        if self._samples:
            return sample_scalar(name, full, sample)
        return self._placeholder(full, path, invented)

    def _date(self, full: Schema, path: tuple[str, ...], times: Times, invented: list[str]) -> Any:
        invented.append(".".join(path))
        date = self._placeholders.date
        if date is None:
            times.append((path, full.type == "string"))
            return 0
        return iso_time(date) if full.type == "string" else date

    def _choice(self, full: Schema, sample: Any, path: tuple[str, ...], invented: list[str]) -> Any:
        choices = [word for word in full.enum if word != ""] or [None]
        if len(choices) == 1:
            return choices[0]
        invented.append(".".join(path))
        return sample if self._samples and sample in full.enum else choices[self._placeholders.choice]

    def _placeholder(self, full: Schema, path: tuple[str, ...], invented: list[str]) -> Any:
        if full.type == "boolean":  # what was not requested is false
            return False
        if full.type in ("integer", "number", "string"):
            if path != ("id",):
                invented.append(".".join(path))
            shown = self._placeholders
            if full.format == "decimal" and not shown.text:  # clients parse it as a number
                return "0"
            return shown.text if full.type == "string" else max(shown.number, int(full.minimum or 0))
        return None


class _Misfit:
    """The type of :data:`MISFIT`, which stands for a value that the answer has no form for."""


MISFIT = _Misfit()
