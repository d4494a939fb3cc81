"""Checks a script's value against a schema, and converts it to the form that is sent.

Each schema becomes one function, made when first needed and cached in ``catalog.plans``. A fault is raised as a
:class:`~host.apis.validation_error.ValidationError`, which collects its path as it passes up the stack, so that
checking valid values builds no path.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from host.apis.amounts import is_money
from host.apis.catalog import Catalog, Schema
from host.apis.scalars import (
    Checker,
    Full,
    boolean_checker,
    finite,
    integer_checker,
    number_checker,
    one_of,
    string_checker,
    whole,
)
from host.apis.unknown_names import Beyond
from host.apis.validation_error import AMOUNT, EXACT, ValidationError, number_text, shown

MOST_DEPTH = 64
MOST_TRIES = 1000  # tables within one table that are checked against alternatives

_NONE = Schema()


def checker(catalog: Catalog, schema: Schema) -> Checker:
    """The function that checks a value of ``schema``."""
    if schema.ref:
        key = ("check", schema.ref, schema.nullable, schema.emptyable)
        found: Checker | None = catalog.plans.get(key)
        if found is None:
            found = catalog.plans[key] = _lazy(catalog, schema)
        return found
    return _make(catalog, schema)


def named_checker(catalog: Catalog, name: str, schema: Schema) -> Checker:
    """The checker of a parameter or member called ``name``. It does not accept text for an amount of money.

    Amounts in files may be in major or minor units, so a script that reads them must convert them.
    """
    check = checker(catalog, schema)
    if not is_money(name):
        return check
    shape = catalog.resolve(schema)
    if "integer" not in {shape.type, *(catalog.resolve(each).type for each in shape.any_of)}:
        return check

    def check_amount(value: Any, full: Full) -> Any:
        if type(value) is str and value:
            digits = whole(value)
            if digits is not None and abs(digits) <= EXACT:  # larger integers in answers are text
                raise ValidationError(AMOUNT, value)
        return check(value, full)

    return check_amount


def _lazy(catalog: Catalog, schema: Schema) -> Checker:
    """A checker that is made on first use, since schemas may refer to each other in circles."""
    real: Checker | None = None

    def check(value: Any, full: Full) -> Any:
        nonlocal real
        if real is None:
            real = _make(catalog, catalog.resolve(schema))
        return real(value, full)

    return check


def _make(catalog: Catalog, schema: Schema) -> Checker:
    if schema.missing:
        return _unknown_shape(schema.missing)
    make = _alternatives if schema.any_of else _BY_TYPE.get(schema.type, _anything)
    base = make(catalog, schema)
    emptyable = schema.emptyable

    def check(value: Any, full: Full) -> Any:
        if value is None:
            return None  # an explicit null, which the API may accept or refuse
        if emptyable and value == "" and type(value) is str:
            return ""
        return base(value, full)

    return check


def _unknown_shape(reason: str) -> Checker:
    """A checker that refuses every value, since the expected shape is not known."""

    def check(value: Any, full: Full) -> Any:
        raise ValidationError("", text=f"no value can be sent for it: {reason}")

    return check


def _array(catalog: Catalog, schema: Schema) -> Checker:
    item = checker(catalog, schema.items) if schema.items is not None else _free
    of = catalog.resolve(schema.items) if schema.items is not None else _NONE
    holes = of.nullable or schema.items is None

    def check(value: Any, full: Full) -> Any:
        if type(value) is not list:
            if value == {}:
                return []
            if type(value) is dict and "has_more" in value and type(value.get("data")) is list:
                raise ValidationError("expected a list", value)  # a page
            if type(value) is dict and (of.type not in ("object", "") or not _named(value)):
                raise ValidationError("expected a list", value)
            return [item(value, full)]  # a single value stands for a list of it
        done = []
        for n, each in enumerate(value):
            try:
                if each is None and not holes:
                    raise ValidationError("", text="a list cannot hold null here")
                done.append(item(each, full))
            except ValidationError as fault:
                raise fault.at(n) from None
        return done

    return check


def _named(value: dict[Any, Any]) -> bool:
    return all(isinstance(key, str) for key in value)


def _object(catalog: Catalog, schema: Schema) -> Checker:
    members = {name: _Member(catalog, name, each) for name, each in schema.properties.items()}
    required = catalog.needed(schema)
    more = checker(catalog, schema.additional) if schema.additional is not None else None
    if more is None and schema.open_map:
        more = _free

    def check(value: Any, full: Full) -> Any:
        if type(value) is not dict:
            if value == []:
                value = {}
            else:
                raise ValidationError(_shape(schema), value)
        done: dict[str, Any] = {}
        for key, each in value.items():
            name = key if type(key) is str else _key(key)
            check_one = members.get(name) or more or _past_the_schema(members, name, each, full)
            try:
                done[name] = check_one(each, full)
            except ValidationError as fault:
                raise fault.at(name).beside(value) from None
        if full is True and required:
            missing = [name for name in required if name not in done]
            if missing:
                raise ValidationError("", text=f"{listed(missing)} missing")
        return done

    return check


def _past_the_schema(members: dict[str, _Member], name: str, value: Any, full: Full) -> Checker:
    """The checker of a member that the schema lacks, if the call may send it. Raises ``ValidationError`` if not."""
    if type(full) is Beyond and full.lenient:
        full.note(name, value)
        return _free
    raise ValidationError("", text=unknown(name, members)).at(name)


class _Member:
    """The checker of a member, made when a script first uses the member."""

    __slots__ = ("_catalog", "_check", "_name", "_schema")

    def __init__(self, catalog: Catalog, name: str, schema: Schema) -> None:
        self._catalog = catalog
        self._name = name
        self._schema = schema
        self._check: Checker | None = None

    def __call__(self, value: Any, full: Full) -> Any:
        check = self._check
        if check is None:
            check = self._check = named_checker(self._catalog, self._name, self._schema)
        return check(value, full)


def unknown(name: str, valid: Any) -> str:
    """The error text for a member that does not exist."""
    from host.apis.legacy_names import missing_param  # where an error is made only

    hint = missing_param(name, valid)
    if hint:
        return f"there is no such parameter{hint}"
    if not valid:
        return "there is no such parameter"
    names = sorted(valid)
    return f"there is no such parameter; expected one of {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"


def listed(names: list[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _key(key: Any) -> str:
    if isinstance(key, bool) or not isinstance(key, int | float):
        raise ValidationError("", text=f"a table's keys must be strings or numbers, found {shown(key)}")
    return number_text(key)


def _shape(schema: Schema) -> str:
    names = list(schema.properties)
    if not names:
        return "expected a table of names and values"
    return f"expected a table with {', '.join(names[:6])}{', …' if len(names) > 6 else ''}"


def _anything(catalog: Catalog, schema: Schema) -> Checker:
    values, closed = schema.enum, schema.closed_enum

    def check(value: Any, full: Full) -> Any:
        if values and closed and value not in values:
            raise ValidationError(one_of(values, value), value)
        return _free(value, full)

    return check


def free(value: Any) -> Any:
    """Convert a value without a schema to the form that is sent. Raises ``ValidationError``."""
    return _free(value, True)


def _free(value: Any, full: Full, depth: int = 0) -> Any:
    """Convert the numbers and keys of a value of unknown shape."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int or kind is float:
        finite(value)
        return int(value) if kind is float and value.is_integer() else value
    if depth > MOST_DEPTH:
        raise ValidationError("", text=f"tables are nested more than {MOST_DEPTH} deep")
    if kind is list:
        return [_free(each, full, depth + 1) for each in value]
    if kind is dict:
        done = {}
        for key, each in value.items():
            name = key if type(key) is str else _key(key)
            try:
                done[name] = _free(each, full, depth + 1)
            except ValidationError as fault:
                raise fault.at(name) from None
        return done
    raise ValidationError("expected a string, number, boolean or table", value)


_NATURAL: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int, float),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


def _alternatives(catalog: Catalog, schema: Schema) -> Checker:
    """A checker that accepts the first matching alternative, trying those of the value's type first."""
    shapes = [catalog.resolve(each) for each in schema.any_of]
    kinds = [_kind(shape) for shape in shapes]
    options = [
        (_NATURAL.get(shape.type, (object,)), checker(catalog, each))
        for shape, each in zip(shapes, schema.any_of, strict=True)
    ]

    tries: _Tries = catalog.plans.setdefault("tries", _Tries())

    def check(value: Any, full: Full) -> Any:
        kind = type(value)
        return within(value, full) if kind is dict or kind is list else attempt(value, full)

    def within(value: Any, full: Full) -> Any:
        tries.begin()
        try:
            return attempt(value, full)
        finally:
            tries.depth -= 1

    def attempt(value: Any, full: Full) -> Any:
        own = [check for natural, check in options if type(value) in natural or object in natural]
        rest = [check for natural, check in options if type(value) not in natural and object not in natural]
        faults: list[ValidationError] = []
        if type(full) is Beyond:  # prefer one that has all members to one that ignores some
            for check in own:
                with contextlib.suppress(ValidationError):
                    return check(value, True)
        for check in (*own, *rest):
            try:
                return check(value, full)
            except ValidationError as fault:
                faults.append(fault)
        best = max(faults[: len(own)] or faults, key=lambda fault: len(fault.path))
        if own and (best.path or best.text):
            raise best
        raise ValidationError(f"expected {' or '.join(dict.fromkeys(kinds))}", value)

    return check


class _Tries(threading.local):
    """Counts the alternatives tried by the current check, since nested alternatives multiply."""

    depth = left = 0

    def begin(self) -> None:
        if not self.depth:
            self.left = MOST_TRIES
        self.left -= 1
        if self.left < 0:
            raise ValidationError("", text="the API's document has too many ways to read such a table")
        self.depth += 1


def _kind(schema: Schema) -> str:
    if schema.enum and len(schema.enum) <= 4:
        return " or ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in schema.enum)
    return {
        "object": "a table",
        "array": "a list",
        "boolean": "true or false",
        "integer": "an integer",
    }.get(schema.type, f"a {schema.type or 'value'}")


_BY_TYPE: dict[str, Callable[[Catalog, Schema], Checker]] = {
    "string": string_checker,
    "integer": integer_checker,
    "number": number_checker,
    "boolean": boolean_checker,
    "array": _array,
    "object": _object,
}
