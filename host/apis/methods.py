"""The methods of a builder: the parameter that each sets, and how."""

from __future__ import annotations

from typing import Literal

from host.apis.catalog import Catalog, Operation, Schema
from host.apis.facts import Method
from host.apis.nearest import short
from host.errors import InvalidCall

OWN = ("create", "copy", "set", "params", "with")  # those of every builder
_CODES = {"string": "s", "integer": "i", "number": "n", "boolean": "b"}


def builder_method(catalog: Catalog, operation: Operation, name: str) -> Method:
    """The method ``name`` of the builder of ``operation``.

    Raises ``InvalidCall`` that names the resource and the nearest method.
    """
    key = ("method", operation.id, name)
    found: Method | None = catalog.plans.get(key)
    if found is None:
        found = _find(catalog, operation, name)
        if found is None:
            # Only valid names are cached, so that a script cannot fill the cache with invalid ones.
            from host.apis.legacy_names import missing_param

            names = method_names(catalog, operation)
            hint = missing_param(name, (*names, *OWN)) or f"; it has {', '.join(names[:12])}{', …'[: len(names)]}"
            raise InvalidCall(
                f'{operation.resource} has no parameter "{short(name)}"{hint}',
                operation=operation.id,
                param=short(name),
            )
        catalog.plans[key] = found
    return found


def has_method(catalog: Catalog, operation: Operation, name: str) -> bool:
    """Whether :func:`builder_method` finds a method of this name, other than those of every builder."""
    return name not in OWN and _find(catalog, operation, name) is not None


def method_names(catalog: Catalog, operation: Operation) -> tuple[str, ...]:
    """Every method :func:`builder_method` knows: sugar, parameters, and ``add_…`` for lists."""
    from host.apis.naming import singular  # for errors and listings only

    names = list(catalog.facts.sugar.get(operation.builder, {}))
    for name, param in operation.params.items():
        names.append(name)
        if _list_of(catalog, param.schema) is not None:
            names.append(f"add_{singular(name)}")
    return tuple(dict.fromkeys(names))


def _find(catalog: Catalog, operation: Operation, name: str) -> Method | None:
    sugar = catalog.facts.sugar.get(operation.builder, {}).get(name)
    if sugar is not None:
        return sugar
    param = operation.params.get(name)
    if param is not None:
        method = _method(catalog, name, param.schema)
        # Values in a path must meet further conditions than a type.
        return Method(kind="set", param=name) if param.location == "path" else method
    if name.startswith("add_"):
        from host.apis.naming import singular  # with its patterns, for lists only

        for target, param in operation.params.items():
            if name[4:] in (singular(target), target):
                items = _list_of(catalog, param.schema)
                if items is not None:
                    return Method(kind="append", param=target, code=_code(catalog, items))
    return None


def _method(catalog: Catalog, name: str, schema: Schema) -> Method:
    shape = catalog.resolve(schema)
    kind: Literal["set", "map", "list"] = "set"
    code = _code(catalog, shape)
    if shape.type == "array":
        kind, code = "list", _code(catalog, shape.items or Schema())
    elif shape.type == "object" and not shape.properties:
        kind, code = "map", _code(catalog, shape.additional or Schema())
    return Method(kind=kind, param=name, code=code)


def _list_of(catalog: Catalog, schema: Schema) -> Schema | None:
    """The schema of the items of a parameter that is, or may be, a list."""
    shape = catalog.resolve(schema)
    if shape.type == "array":
        return shape.items or Schema()
    for each in shape.any_of:
        found = catalog.resolve(each)
        if found.type == "array":
            return found.items or Schema()
    return None


def _code(catalog: Catalog, schema: Schema) -> str:
    """The letter of a type, if checking the type suffices, else ""."""
    shape = catalog.resolve(schema)
    limits = (shape.enum, shape.pattern, shape.min_length, shape.any_of, shape.format == "binary")
    if any(limits) or not (shape.max_length is shape.minimum is shape.maximum is shape.above is shape.below is None):
        return ""
    return _CODES.get(shape.type, "")
