"""Objects as the API answers them: every field its schema has, with plausible values.

Where a schema has a sample object it is read with care: Stripe's published samples hold stale ids and made-up
numbers, so only what a fresh object could have is taken from them.
"""

from __future__ import annotations

import re
import time
from typing import Any, NamedTuple, Protocol

import msgspec

from host.apis.catalog import Schema

MAX_DEPTH = 6
MOST_FIELDS = 10_000  # of one object
_STALE = re.compile(r"^[a-z_]{2,12}_(?:test_)?\w{8,}$|stripe\.me/|^(?:sample_secret|obj_123)$")
_PLAUSIBLE = 10_000  # greater sample numbers are made up


class ObjectFactory(Protocol):
    """The part of a catalog that shaping needs."""

    def resolve(self, schema: Schema) -> Schema: ...
    def schema(self, ref: str) -> Schema: ...


class Template(NamedTuple):
    """A fresh object of a kind: ``packed`` is decoded for each, ``times`` are paths of its times of birth."""

    packed: bytes
    times: tuple[tuple[tuple[str, ...], bool], ...]  # (path, as ISO 8601 text)
    lists: tuple[str, ...]
    schema: Schema


class Shapes:
    """Fresh objects by kind, and callers' values put into them. ``defaults`` are fields known better."""

    def __init__(self, catalog: ObjectFactory, defaults: dict[str, dict[str, Any]] | None = None) -> None:
        self._catalog = catalog
        self._defaults = defaults or {}
        self._templates: dict[str, Template] = {}
        self._left = 0  # required fields that the object under way may still get: they multiply by depth

    def template(self, kind: str, schema: Schema | None = None) -> Template:
        """The template of ``kind``, a schema's name, or of ``schema`` where the kind has no such name."""
        found = self._templates.get(kind)
        if found is None:
            full = self._catalog.resolve(schema or self._catalog.schema(kind))
            if full.any_of and not full.properties:
                full = self._catalog.resolve(full.any_of[0])
            times: list[tuple[tuple[str, ...], bool]] = []
            self._left = MOST_FIELDS
            value = self._object(full, full.example, (), times)
            value.update(self._defaults.get(kind, {}))
            lists = tuple(
                name for name, item in value.items() if isinstance(item, dict) and item.get("object") == "list"
            )
            found = Template(msgspec.msgpack.encode(value), tuple(times), lists, full)
            self._templates[kind] = found
        return found

    def fresh(self, template: Template, now: int) -> dict[str, Any]:
        """A new object, its times set to ``now``."""
        value: dict[str, Any] = msgspec.msgpack.decode(template.packed)
        for path, iso in template.times:
            node = value
            for name in path[:-1]:
                node = node[name]
            node[path[-1]] = iso_time(now) if iso else now
        return value

    def put(self, schema: Schema, target: dict[str, Any], values: dict[str, Any]) -> None:
        """Set in ``target``, an object of ``schema``, those of ``values`` that it has a place for.

        A ``None`` unsets; metadata is merged, and an entry of "" or ``None`` removed.
        """
        for name, value in values.items():
            place = schema.properties.get(name)
            if place is None:
                if schema.open_map or schema.additional is not None:
                    target[name] = value
                continue
            if name == "metadata":
                target[name] = merged(target.get(name), value)
            else:
                fitted = self.fit(place, value, target.get(name))
                if fitted is not MISFIT:
                    target[name] = fitted

    def fit(self, schema: Schema, value: Any, current: Any = None) -> Any:
        """``value`` in the form ``schema`` gives it in answers, or :data:`MISFIT`."""
        full = self._catalog.resolve(schema)
        if value is None:
            return self._unset(schema, full)
        if full.any_of:
            if full.expandable:
                return value if isinstance(value, str) else MISFIT
            fits = (self.fit(choice, value, current) for choice in full.any_of)
            return next((found for found in fits if found is not MISFIT), MISFIT)
        if full.list_of or full.type == "array" or isinstance(value, list):
            return self._fit_list(full, value)
        if isinstance(value, dict):
            return self._fit_object(full, value, current)
        if full.type in ("object", "boolean") and not isinstance(value, bool):
            return MISFIT
        if full.type in ("integer", "number") and not isinstance(value, int | float):
            return MISFIT
        return value

    def _fit_list(self, full: Schema, value: Any) -> Any:
        if full.type != "array" or not isinstance(value, list) or full.list_of:
            return MISFIT
        items = [self.fit(full.items or Schema(), item) for item in value]
        return MISFIT if MISFIT in items else items

    def _fit_object(self, full: Schema, value: dict[str, Any], current: Any) -> Any:
        if full.type not in ("object", ""):
            return MISFIT
        if not full.properties:
            return value
        self._left = MOST_FIELDS
        base = dict(current) if isinstance(current, dict) else self._object(full, None, (), [])
        self.put(full, base, value)
        return base

    def _unset(self, schema: Schema, full: Schema) -> Any:
        if full.additional is not None and not full.properties and not schema.nullable:
            return {}
        if full.type == "array" and not (schema.nullable or full.nullable):
            return []
        return None

    def _object(
        self, full: Schema, sample: Any, path: tuple[str, ...], times: list[tuple[tuple[str, ...], bool]]
    ) -> dict[str, Any]:
        sample = sample if isinstance(sample, dict) else {}
        found: dict[str, Any] = {}
        for name, schema in full.properties.items():
            inner = self._catalog.resolve(schema)
            example = sample.get(name, inner.example if not inner.properties else None)
            if schema.nullable or inner.nullable:
                found[name] = example if _fresh(inner, example) else None
            elif name in full.required and len(path) < MAX_DEPTH and self._left > 0:
                self._left -= 1
                found[name] = self._value(name, inner, example, (*path, name), times)
        return found

    def _value(
        self,
        name: str,
        full: Schema,
        sample: Any,
        path: tuple[str, ...],
        times: list[tuple[tuple[str, ...], bool]],
    ) -> Any:
        if full.expandable:
            return None
        if full.list_of:
            return {"object": "list", "data": [], "has_more": False, "url": ""}
        if full.enum:
            return sample if sample in full.enum else next(v for v in (*full.enum, None) if v != "")
        if full.any_of:
            return self._value(name, self._catalog.resolve(full.any_of[0]), sample, path, times)
        if full.format in ("unix-time", "date-time") or (name == "created" and full.type in ("string", "integer")):
            times.append((path, full.type == "string"))
            return 0
        if full.type == "array":
            return []
        if full.type == "object" or full.properties:
            return self._object(full, sample, path, times)
        return _scalar(name, full, sample)


def _fresh(full: Schema, sample: Any) -> bool:
    """Whether a field that may be null has its sample's value when new: zero, false, an enum's word."""
    if isinstance(sample, dict | list):
        return sample == {} and full.additional is not None
    return sample is not None and (not sample or sample in full.enum)


def _scalar(name: str, full: Schema, sample: Any) -> Any:
    if full.default is not None:
        return full.default
    if full.type == "boolean":
        return sample if name != "livemode" and isinstance(sample, bool) else False
    if full.type in ("integer", "number"):
        numeric = isinstance(sample, int | float) and abs(sample) < _PLAUSIBLE
        return sample if numeric else max(0, int(full.minimum or 0))
    if full.type == "string":
        stale = not isinstance(sample, str) or sample == name or _STALE.search(sample)
        return "" if stale else sample
    return sample


class _Misfit:
    """The mark of a value that has no place in the answer."""


MISFIT = _Misfit()


def merged(current: Any, changes: dict[str, Any] | None) -> dict[str, Any]:
    """Metadata after an update: ``None`` clears all, an entry of "" or ``None`` goes."""
    if changes is None:
        return {}
    whole = {**(current or {}), **changes}
    return {key: value for key, value in whole.items() if value not in ("", None)}


def iso_time(now: float) -> str:
    """Seconds since 1970 as ``2026-01-31T12:00:00.000Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now))
