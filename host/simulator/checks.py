"""Checks a request's parameters against the operation's schemas: known, of the right type, and complete.

What is wrong is refused in Stripe's words: https://docs.stripe.com/error-codes and answers of Stripe's test mode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from host.apis.catalog import Operation, Schema
from host.nearest_name import nearest_name
from host.simulator.api_error import SimulatedError, invalid
from host.simulator.members import METADATA_KEYS
from host.simulator.parsing import ImpliedIndex, Tree

METADATA_KEY, METADATA_VALUE = 40, 500  # characters: https://docs.stripe.com/api/metadata
TEXT, LONG_TEXT = 5000, 20_000  # characters
# Evidence that may be long: https://docs.stripe.com/api/disputes/update#update_dispute-evidence
_LONG = frozenset(
    ("access_activity_log", "cancellation_policy_disclosure", "cancellation_rebuttal", "duplicate_charge_explanation",
     "product_description", "refund_policy_disclosure", "refund_refusal_explanation", "uncategorized_text")
)  # fmt: skip
_BOUNDS = frozenset(("gt", "gte", "lt", "lte"))
_TYPES: dict[str, type | tuple[type, ...]] = {
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "string": str,
}


class ParameterSchemas(Protocol):
    """The part of a catalog that checks need."""

    def resolve(self, schema: Schema) -> Schema: ...


class Checker:
    """Reads parameters by their schemas.

    ``typed`` is True for JSON, whose values have types; in forms and queries every value is text. Results are plain
    values (int, float, bool, str, list, dict); ``None`` unsets a member. ``reader(name, schema)`` gives a further
    function of value and path for parameters whose values have a format of their own; it returns the value or raises.
    """

    def __init__(
        self,
        catalog: ParameterSchemas,
        *,
        reader: Callable[[str, Schema], Callable[[Any, str], Any] | None] | None = None,
    ) -> None:
        self._catalog = catalog
        self._reader = reader
        self._required: dict[tuple[str, str], tuple[str, ...]] = {}  # names by operation and location
        self._answer: Schema | None = None  # of the operation being read: its nullable members may be unset

    def parameters(self, operation: Operation, tree: Tree, location: str, *, typed: bool) -> dict[str, Any]:
        """The checked parameters of ``location`` ("query" or "body") in ``tree``. Raises :class:`SimulatedError`.

        Not reentrant: the schema of the operation's answer is kept while its parameters are read.
        """
        required = self._required.get((operation.id, location))
        if required is None:
            required = self._required[operation.id, location] = tuple(
                name for name, param in operation.params.items() if param.required and param.location == location
            )
        if not tree and not required:
            return {}
        known, self._answer = operation.params, operation.result
        unknown = [name for name in tree if name not in known or known[name].location != location]
        if unknown:
            raise self._unknown(unknown, [n for n, p in known.items() if p.location == location])
        found = {name: self.value(known[name].schema, value, name, typed) for name, value in tree.items()}
        for name in required:
            if name not in tree:
                raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
        return found

    def value(self, schema: Schema, value: Any, path: str, typed: bool) -> Any:
        """``value`` as ``schema`` has it. ``path`` (``items[0][price]``) names the parameter in messages."""
        full = self._catalog.resolve(schema)
        if value is None:
            if typed:
                return None
            raise invalid(f"Invalid null: {path}", path)
        if value == "" and not typed:
            return self._empty(schema, full, path)
        if full.any_of:
            return self._alternative(full.any_of, value, path, typed)
        if full.type == "object" or full.properties:
            return self._object(full, value, path, typed)
        if full.type == "array":
            return self._array(full, value, path, typed)
        return self._scalar(full, value, path, typed)

    def _empty(self, schema: Schema, full: Schema, path: str) -> Any:
        if full.type == "array" and (schema.emptyable or full.emptyable):
            return None if self._may_be_null(path) else []
        if schema.emptyable or full.emptyable or full.additional is not None or "" in full.enum:
            return None
        if any(a.emptyable or a.type == "array" for a in map(self._catalog.resolve, full.any_of)):
            return None
        if full.type == "string" and not full.enum and self._may_be_null(path):
            return None
        raise invalid(
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a "
            f"parameter; however '{path}' cannot be unset. You should remove '{path}' from your request or "
            "supply a non-empty value.",
            path,
            "parameter_invalid_empty",
        )

    def _may_be_null(self, path: str) -> bool:
        """Whether the member of the same name in the answer can be null, so that "" unsets it."""
        schema = self._answer
        for name in path.replace("]", "").split("["):
            schema = self._catalog.resolve(schema).properties.get(name) if schema is not None else None
        return schema is not None and (schema.nullable or self._catalog.resolve(schema).nullable)

    def _alternative(self, schemas: tuple[Schema, ...], value: Any, path: str, typed: bool) -> Any:
        nested = isinstance(value, dict | list)
        resolved = [self._catalog.resolve(schema) for schema in schemas]
        # A plain string takes any text, so it is tried last.
        resolved.sort(key=lambda s: s.type == "string" and not s.enum)
        refusals: list[tuple[bool, SimulatedError]] = []
        for schema in resolved:
            try:
                return self.value(schema, value, path, typed)
            except SimulatedError as refusal:
                takes_nested = schema.type in ("object", "array") or bool(schema.properties)
                refusals.append((takes_nested == nested, refusal))
        fitting = [refusal for fits, refusal in refusals if fits]
        raise (fitting or [refusal for _, refusal in refusals])[0]

    def _object(self, schema: Schema, value: Any, path: str, typed: bool) -> Any:
        if not isinstance(value, dict) or any(type(name) is ImpliedIndex for name in value):
            raise invalid("Invalid object", path)
        if not schema.properties:
            if schema.additional is None:
                return value
            inner = schema.additional
            if path == "metadata" or path.endswith("[metadata]"):
                return self._metadata(value, path, typed)
            return {key: self.value(inner, item, f"{path}[{key}]", typed) for key, item in value.items()}
        unknown = [name for name in value if name not in schema.properties]
        extra: dict[str, Any] = {}
        if unknown and schema.additional is None and not schema.open_map:
            raise self._unknown([f"{path}[{n}]" for n in unknown], [f"{path}[{n}]" for n in schema.properties])
        for name in unknown:
            inner = schema.additional or Schema()
            extra[name] = self.value(inner, value[name], f"{path}[{name}]", typed)
        for name in schema.required:
            if name not in value and not self._catalog.resolve(schema.properties[name]).read_only:
                raise invalid(f"Missing required param: {path}[{name}].", f"{path}[{name}]", "parameter_missing")
        found = {
            name: self.value(schema.properties[name], item, f"{path}[{name}]", typed)
            for name, item in value.items()
            if name in schema.properties
        }
        return {**found, **extra}

    def _metadata(self, value: Tree, path: str, typed: bool) -> Tree:
        if len(value) > METADATA_KEYS:
            raise invalid(f"Metadata can have up to {METADATA_KEYS} keys.", path)
        for key, item in value.items():
            if isinstance(item, dict | list) or (typed and not isinstance(item, str | None)):
                raise invalid(f"Invalid string: metadata values must be strings ({path}[{key}])", f"{path}[{key}]")
            if "[" in key or "]" in key:
                raise invalid(f"Metadata keys cannot contain square brackets ([]): {key[:80]}", path)
            if len(key) > METADATA_KEY:
                raise invalid(
                    f"Metadata keys can have up to {METADATA_KEY} characters, but you passed in a key that "
                    f"is {len(key)} characters. Invalid key: {key}",
                    path,
                )
            if item is not None and len(item) > METADATA_VALUE:
                raise invalid(
                    f"Metadata values can have up to {METADATA_VALUE} characters, but you passed in a value "
                    f"that is {len(item)} characters. Invalid value: {item[:40]}…",
                    path,
                )
        return dict(value)

    def _array(self, schema: Schema, value: Any, path: str, typed: bool) -> list[Any]:
        if isinstance(value, dict) and not typed:
            if not all(key.isdecimal() for key in value):
                raise invalid("Invalid array", path)
            value = [value[key] for key in sorted(value, key=int)]
        if not isinstance(value, list):
            raise invalid("Invalid array", path)
        inner = schema.items or Schema()
        return [self.value(inner, item, f"{path}[{n}]", typed) for n, item in enumerate(value)]

    def _scalar(self, schema: Schema, value: Any, path: str, typed: bool) -> Any:
        kind = schema.type
        if isinstance(value, dict | list):
            if schema.format == "binary" or not kind:
                return value
            raise invalid(f"Invalid {kind}", path)
        if typed:
            wanted = _TYPES.get(kind)
            if wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and kind != "boolean")):
                raise invalid(f"Invalid {kind}: {_short(value)}", path)
        else:
            value = _READ.get(kind, _read_string)(value, path)
        if schema.enum and value not in schema.enum:
            raise invalid(f"Invalid {path}: must be one of {one_of(schema.enum)}", path)
        if kind == "string":
            self._check_string(schema, value, path)
        elif kind in ("integer", "number"):
            _check_range(schema, value, path)
        if self._reader is not None and kind in ("string", "integer"):
            name = _name(path)
            read = self._reader(name, schema)
            value = read(value, path) if read is not None else value
        return value

    def _check_string(self, schema: Schema, value: str, path: str) -> None:
        if schema.format == "decimal":
            try:
                Decimal(value)
            except InvalidOperation:
                raise invalid(f"Invalid decimal: {_short(value)}", path) from None
        limit = schema.max_length or TEXT
        if len(value) > limit and path.rpartition("[")[2].rstrip("]") in _LONG:
            limit = LONG_TEXT
        if len(value) > limit:
            raise invalid(f"Invalid string: {value[:20]}…; must be at most {limit} characters", path)

    def _unknown(self, names: list[str], known: list[str]) -> SimulatedError:
        message = f"Received unknown parameter{'s' if len(names) > 1 else ''}: {', '.join(names)}"
        near = nearest_name(names[0], known, 0.7)
        if near and len(names) == 1:
            message += f". Did you mean {near}?"
        return invalid(message, str(names[0]), "parameter_unknown")  # str(): the name may be an ImpliedIndex


def _name(path: str) -> str:
    """The last name of a path; that of what is compared for ``created[gte]``."""
    *outer, last = path.replace("]", "").split("[")
    return outer[-1] if outer and last in _BOUNDS else last


def _check_range(schema: Schema, value: float, path: str) -> None:
    if schema.minimum is not None and value < schema.minimum:
        raise at_least(path, f"{schema.minimum:g}")
    if schema.maximum is not None and value > schema.maximum:
        raise at_most(path, f"{schema.maximum:g}")


def _read_integer(value: str, path: str) -> int:
    if len(value) < 20 and value.lstrip("-").isdecimal() and value.isascii():
        return int(value)
    raise invalid(f"Invalid integer: {_short(value)}", path, "parameter_invalid_integer")


def _read_number(value: str, path: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if number - number != 0:  # NaN and infinities
        raise invalid(f"Invalid decimal: {_short(value)}", path)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _read_boolean(value: str, path: str) -> bool:
    word = value.lower()  # the official Python client wrote True and False until its version 12
    if word in ("true", "false"):
        return word == "true"
    raise invalid(f"Invalid boolean: {_short(value)}", path)


def _read_string(value: str, path: str) -> str:
    return value


_READ = {"integer": _read_integer, "number": _read_number, "boolean": _read_boolean}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def one_of(values: Iterable[Any]) -> str:
    """The values as a list in a sentence, ``a, b, or c``; null and "" are left out."""
    names = [str(value) for value in values if value not in (None, "")]
    if len(names) > 2:
        return ", ".join(names[:-1]) + ", or " + names[-1]
    return " or ".join(names)


def at_least(path: str, least: str) -> SimulatedError:
    """The refusal of a number that is less than ``least``."""
    return invalid(f"This value must be greater than or equal to {least}.", path, "parameter_invalid_integer")


def at_most(path: str, most: str) -> SimulatedError:
    """The refusal of a number that is greater than ``most``."""
    return invalid(f"This value must be less than or equal to {most}.", path, "parameter_invalid_integer")
