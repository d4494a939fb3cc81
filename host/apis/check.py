"""Checking a script's value against a schema, and bringing it to the form that is sent.

Each schema becomes one function, made when first needed and kept in ``catalog.plans``. A fault is raised as
:class:`Fault`, which gathers its path on the way up, so that checking good values builds no path.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from host.apis.catalog import Catalog, Schema
from host.apis.nearest import meant, misspelt

EXACT = 2**53  # largest integer a Lua number holds exactly
MOST_DEPTH = 64
# Patterns are compiled where they are first used: a run without errors never needs them.
_MONEY = r"(^|_)amount(_|$)"
_PRIVATE = r"(^|_)(secret|password|passwd|token|key|cvc|cvv|pin|number|authorization)(_|$)"
_DIGITS = r"-?[0-9]{16,400}\Z"

_NONE = Schema()

# A checker takes the value and whether required members must be there, and gives the value to send.
Checker = Callable[[Any, bool], Any]


class Fault(Exception):  # noqa: N818 always becomes an InvalidCall
    """A value that does not fit; ``path`` leads to it, outermost first."""

    def __init__(self, expected: str, value: Any = None, *, text: str = "") -> None:
        super().__init__(expected)
        self.path: list[str | int] = []
        self.expected = expected
        self.value = value
        self.text = text  # the whole message after the path, where "expected …, got …" does not fit

    def at(self, step: str | int) -> Fault:
        self.path.insert(0, step)
        return self

    def where(self) -> str:
        words = [f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in self.path]
        return "".join(words).removeprefix(".")

    def message(self) -> str:
        """``recurring.interval: expected one of …, got "mont"``; values of secrets are not shown."""
        where = self.where()
        if self.text:
            return f"{where}: {self.text}" if where else self.text
        name = next((step for step in reversed(self.path) if isinstance(step, str)), "")
        got = shown(self.value, private=bool(re.search(_PRIVATE, name)))
        if self.expected.startswith("expected an integer") and isinstance(self.value, float):
            got += _minor_units(name, self.value)
        return f"{where}: {self.expected}, got {got}"


def shown(value: Any, *, private: bool = False) -> str:
    """A value short enough for a message."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number" if private else number_text(value)
    if isinstance(value, str):
        if private:
            return "a string"
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}…"'
    if isinstance(value, bytes):
        return f"a string of {len(value)} bytes that is not UTF-8"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty table"
    if isinstance(value, dict):
        names = ", ".join(str(key) for key in list(value)[:4])
        return f"a table with {names}{', …' if len(value) > 4 else ''}" if value else "an empty table"
    return f"a {type(value).__name__}"


def number_text(value: float) -> str:
    """The shortest digits that read back the same, never with an exponent."""
    if isinstance(value, float):
        if value.is_integer() and abs(value) <= EXACT:
            return str(int(value))
        text = repr(value)
        if "e" not in text:
            return text
        from decimal import Decimal  # three milliseconds to import, and rarely needed

        return format(Decimal(text), "f")
    return str(value)


def _minor_units(name: str, value: float) -> str:
    if not re.search(_MONEY, name):
        return ""
    cents = round(value * 100)
    exact = f": write {cents} for {number_text(value)}" if abs(value * 100 - cents) < 1e-6 else ""
    return f"; amounts are in minor units such as cents{exact}"


def checker(catalog: Catalog, schema: Schema) -> Checker:
    """The function that checks a value of ``schema``."""
    if schema.ref:
        key = ("check", schema.ref, schema.nullable, schema.emptyable)
        found: Checker | None = catalog.plans.get(key)
        if found is None:
            found = catalog.plans[key] = _lazy(catalog, schema)
        return found
    return _make(catalog, schema)


def _lazy(catalog: Catalog, schema: Schema) -> Checker:
    """Resolves on first use: schemas refer to each other in circles."""
    real: Checker | None = None

    def check(value: Any, full: bool) -> Any:
        nonlocal real
        if real is None:
            real = _make(catalog, catalog.resolve(schema))
        return real(value, full)

    return check


def _make(catalog: Catalog, schema: Schema) -> Checker:
    if schema.any_of:
        base = _alternatives(catalog, schema)
    else:
        base = _BY_TYPE.get(schema.type, _anything)(catalog, schema)
    emptyable = schema.emptyable

    def check(value: Any, full: bool) -> Any:
        if value is None:
            return None  # an explicit null: whether it is allowed here is the API's to say
        if emptyable and value == "" and type(value) is str:
            return ""
        return base(value, full)

    return check


def _string(catalog: Catalog, schema: Schema) -> Checker:
    bounded = schema.enum or schema.max_length is not None or schema.min_length is not None or schema.pattern
    extra = _string_limits(schema) if bounded else None
    binary = schema.format == "binary"

    def check(value: Any, full: bool) -> Any:
        kind = type(value)
        if kind is not str:
            if kind is bool:
                value = "true" if value else "false"
            elif kind is int or kind is float:
                value = number_text(_finite(value))
            elif not (binary and kind is bytes):
                raise Fault("expected a string", value)
        if extra is not None:
            extra(value)
        return value

    return check


def _string_limits(schema: Schema) -> Callable[[Any], None]:
    values = frozenset(schema.enum)
    pattern = _pattern(schema.pattern)
    least, most = schema.min_length or 0, schema.max_length

    def limit(value: Any) -> None:
        if values and value not in values:
            typo = misspelt(value, schema.enum)
            if typo or schema.closed_enum:
                raise Fault(one_of(schema.enum, value), value)
        if most is not None and len(value) > most:
            raise Fault("", text=f"expected at most {most} characters, got {len(value)}")
        if len(value) < least:
            raise Fault("", text=f"expected at least {least} character{'s'[: least > 1]}, got {shown(value)}")
        if pattern is not None and not pattern.search(value):
            raise Fault(f"expected a string like {schema.pattern}", value)

    return limit


def _pattern(text: str) -> re.Pattern[str] | None:
    """The pattern if Python reads it as ECMAScript would; the rest is left to the API."""
    if not text or len(text) > 200 or re.search(r"[+*}]\)?[+*{]|\\[pPuckZAzG]|\(\?<?[=!]", text):
        return None  # also none that could backtrack without end
    try:
        return re.compile(text.replace(r"\d", "[0-9]"))
    except re.error:
        return None


def one_of(values: tuple[Any, ...], value: Any) -> str:
    """``expected one of "day", "month" (nearest: "month")``, the list cut where it is long."""
    texts = [f'"{each}"' if isinstance(each, str) else str(each) for each in values]
    words = [each for each in values if isinstance(each, str)]
    hint = misspelt(value, words) if isinstance(value, str) else None
    if hint:
        texts = [f'"{hint}"', *(text for text in texts if text != f'"{hint}"')]
    cut = ", ".join(texts[:12]) + (f", … ({len(texts)} in all)" if len(texts) > 12 else "")
    if len(texts) == 1:
        return f"expected {cut}"
    return f"expected one of {cut}" + (f' (did you mean "{hint}"?)' if hint else "")


def _finite(value: float) -> float:
    if isinstance(value, float) and not math.isfinite(value):
        raise Fault("", text=f"{value} cannot be sent; expected a finite number")
    if abs(value) > EXACT and float(value).is_integer():
        raise Fault(
            "", text=f"{value:.0f} is beyond 2^53, where Lua numbers are no longer exact; pass it as a string"
        )
    return value


def _integer(catalog: Catalog, schema: Schema) -> Checker:
    limits = _number_limits(schema)

    def check(value: Any, full: bool) -> Any:
        kind = type(value)
        if kind is int or kind is float:
            _finite(value)
            if kind is float:
                if not value.is_integer():
                    raise Fault("expected an integer", value)
                value = int(value)
        elif kind is str and re.match(_DIGITS, value) and abs(int(value)) > EXACT:
            value = int(value)  # how an integer beyond 2^53 came in an answer
        else:
            raise Fault("expected an integer", value)
        if limits is not None:
            limits(value)
        return value

    return check


def _number(catalog: Catalog, schema: Schema) -> Checker:
    limits = _number_limits(schema)

    def check(value: Any, full: bool) -> Any:
        kind = type(value)
        if kind is not int and kind is not float:
            raise Fault("expected a number", value)
        _finite(value)
        if limits is not None:
            limits(value)
        return int(value) if kind is float and value.is_integer() else value

    return check


def _number_limits(schema: Schema) -> Callable[[float], None] | None:
    least, most, values = schema.minimum, schema.maximum, schema.enum
    if least is None and most is None and not values:
        return None

    def limit(value: float) -> None:
        if least is not None and value < least:
            raise Fault(f"expected at least {number_text(least)}", value)
        if most is not None and value > most:
            raise Fault(f"expected at most {number_text(most)}", value)
        if values and schema.closed_enum and value not in values:
            raise Fault(one_of(values, value), value)

    return limit


def _boolean(catalog: Catalog, schema: Schema) -> Checker:
    def check(value: Any, full: bool) -> Any:
        if type(value) is not bool:
            raise Fault("expected true or false", value)
        return value

    return check


def _array(catalog: Catalog, schema: Schema) -> Checker:
    item = checker(catalog, schema.items) if schema.items is not None else _free
    of = catalog.resolve(schema.items) if schema.items is not None else _NONE
    holes = of.nullable or schema.items is None

    def check(value: Any, full: bool) -> Any:
        if type(value) is not list:
            if value == {}:
                return []
            if type(value) is dict and (of.type not in ("object", "") or not _named(value)):
                raise Fault("expected a list", value)
            return [item(value, full)]  # a single value stands for a list of it
        done = []
        for n, each in enumerate(value):
            try:
                if each is None and not holes:
                    raise Fault("", text="a list cannot hold null here")
                done.append(item(each, full))
            except Fault as fault:
                raise fault.at(n) from None
        return done

    return check


def _named(value: dict[Any, Any]) -> bool:
    return all(isinstance(key, str) for key in value)


def _object(catalog: Catalog, schema: Schema) -> Checker:
    members = {name: _Member(catalog, each) for name, each in schema.properties.items()}
    # What only the API fills in is not asked of a request.
    required = tuple(name for name in schema.required if not schema.properties.get(name, _NONE).read_only)
    more = checker(catalog, schema.additional) if schema.additional is not None else None
    if more is None and schema.open_map:
        more = _free

    def check(value: Any, full: bool) -> Any:
        if type(value) is not dict:
            if value == []:
                value = {}
            else:
                raise Fault(_shape(schema), value)
        done: dict[str, Any] = {}
        for key, each in value.items():
            name = key if type(key) is str else _key(key)
            member = members.get(name)
            if member is not None:
                check_one: Checker = member
            elif more is not None:
                check_one = more
            else:
                raise Fault("", text=unknown(name, members)).at(name)
            try:
                done[name] = check_one(each, full)
            except Fault as fault:
                raise fault.at(name) from None
        if full and required:
            missing = [name for name in required if name not in done]
            if missing:
                raise Fault("", text=f"{listed(missing)} missing")
        return done

    return check


class _Member:
    """A member's checker, made when a script first uses the member: big objects are rarely filled."""

    __slots__ = ("_catalog", "_check", "_schema")

    def __init__(self, catalog: Catalog, schema: Schema) -> None:
        self._catalog = catalog
        self._schema = schema
        self._check: Checker | None = None

    def __call__(self, value: Any, full: bool) -> Any:
        check = self._check
        if check is None:
            check = self._check = checker(self._catalog, self._schema)
        return check(value, full)


def unknown(name: str, valid: Any) -> str:
    """What is said of a member that does not exist."""
    hint = meant(name, valid)
    if hint:
        return f"there is no such parameter{hint}"
    if not valid:
        return "there is no such parameter"
    names = sorted(valid)
    return f"there is no such parameter; there are {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"


def listed(names: list[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _key(key: Any) -> str:
    if isinstance(key, bool) or not isinstance(key, int | float):
        raise Fault("", text=f"a table's keys must be strings or numbers, found {shown(key)}")
    return number_text(key)


def _shape(schema: Schema) -> str:
    names = list(schema.properties)
    if not names:
        return "expected a table of names and values"
    return f"expected a table with {', '.join(names[:6])}{', …' if len(names) > 6 else ''}"


def _anything(catalog: Catalog, schema: Schema) -> Checker:
    values, closed = schema.enum, schema.closed_enum

    def check(value: Any, full: bool) -> Any:
        if values and closed and value not in values:
            raise Fault(one_of(values, value), value)
        return _free(value, full)

    return check


def _free(value: Any, full: bool, depth: int = 0) -> Any:
    """A value of no known shape: numbers and keys in their form, everything else as it is."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int or kind is float:
        _finite(value)
        return int(value) if kind is float and value.is_integer() else value
    if depth > MOST_DEPTH:
        raise Fault("", text=f"tables are nested more than {MOST_DEPTH} deep")
    if kind is list:
        return [_free(each, full, depth + 1) for each in value]
    if kind is dict:
        done = {}
        for key, each in value.items():
            name = key if type(key) is str else _key(key)
            try:
                done[name] = _free(each, full, depth + 1)
            except Fault as fault:
                raise fault.at(name) from None
        return done
    raise Fault("expected a string, number, boolean or table", value)


_NATURAL: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int, float),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


def _alternatives(catalog: Catalog, schema: Schema) -> Checker:
    """The first alternative that fits, those of the value's own type first."""
    shapes = [catalog.resolve(each) for each in schema.any_of]
    kinds = [_kind(shape) for shape in shapes]
    options = [
        (_NATURAL.get(shape.type, (object,)), checker(catalog, each))
        for shape, each in zip(shapes, schema.any_of, strict=True)
    ]

    def check(value: Any, full: bool) -> Any:
        own = [check for natural, check in options if type(value) in natural or object in natural]
        rest = [check for natural, check in options if type(value) not in natural and object not in natural]
        faults: list[Fault] = []
        for check in (*own, *rest):
            try:
                return check(value, full)
            except Fault as fault:
                faults.append(fault)
        best = max(faults[: len(own)] or faults, key=lambda fault: len(fault.path))
        if own and (best.path or best.text):
            raise best
        raise Fault(f"expected {' or '.join(dict.fromkeys(kinds))}", value)

    return check


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
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "array": _array,
    "object": _object,
}
