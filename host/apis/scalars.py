"""Checkers of string, number and boolean values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from host.apis.catalog import Catalog, Schema
from host.apis.nearest import misspelt
from host.apis.unknown_names import Beyond
from host.apis.validation_error import EXACT, ValidationError, number_text, shown

_DIGITS = r"(0|-?[1-9][0-9]{0,18})\Z"

# True: required members must be present. False or Beyond: they may be missing. A lenient Beyond also accepts unknown
# members and records their names.
Full = bool | Beyond

# Takes a value and the above; returns the value to send or raises ValidationError.
Checker = Callable[[Any, Full], Any]


def string_checker(catalog: Catalog, schema: Schema) -> Checker:
    """A checker of strings; it converts booleans and numbers to text, and accepts bytes for the format ``binary``."""
    bounded = schema.enum or schema.max_length is not None or schema.min_length is not None or schema.pattern
    extra = _string_limits(schema) if bounded else None
    binary = schema.format == "binary"

    def check(value: Any, full: Full) -> Any:
        kind = type(value)
        if kind is not str:
            if kind is bool:
                value = "true" if value else "false"
            elif kind is int or kind is float:
                value = number_text(finite(value))
            elif not (binary and kind is bytes):
                raise ValidationError("expected a string", value)
        if extra is not None:
            if kind is not str and kind is not bytes and schema.enum and value not in schema.enum:
                # even an open enum of strings does not take numbers
                raise ValidationError(one_of(schema.enum, value), value)
            extra(value)
        return value

    return check


def _string_limits(schema: Schema) -> Callable[[Any], None]:
    values = frozenset(schema.enum)
    pattern, longest = _pattern(schema.pattern), 0
    if pattern is not None:
        from host.apis.regex_bounds import longest as tried  # imports the regex parser, needed only for patterns

        longest = tried(pattern.pattern)  # longer texts are checked by the API alone
    least, most = schema.min_length or 0, schema.max_length

    def limit(value: Any) -> None:
        if values and value not in values:
            typo = misspelt(value, schema.enum)
            if typo or schema.closed_enum:
                raise ValidationError(one_of(schema.enum, value), value)
        if most is not None and len(value) > most:
            raise ValidationError("", text=f"expected at most {most} characters, got {len(value)}")
        if len(value) < least:
            raise ValidationError("", text=f"expected at least {least} character{'s'[: least > 1]}, got {shown(value)}")
        if pattern is not None and len(value) <= longest and not pattern.search(value):
            raise ValidationError(f"expected a string like {schema.pattern}", value)

    return limit


def _pattern(text: str) -> re.Pattern[str] | None:
    """The compiled pattern, or None if Python may interpret it differently from ECMAScript; then the API checks it."""
    if not text or len(text) > 200 or re.search(r"\\[pPuckZAzG]|\(\?<?[=!]", text):
        return None
    try:
        return re.compile(text.replace(r"\d", "[0-9]"))
    except re.error:
        return None


def one_of(values: tuple[Any, ...], value: Any) -> str:
    """``expected one of "day", "month" (did you mean "month"?)``; lists at most 12 values."""
    texts = [f'"{each}"' if isinstance(each, str) else str(each) for each in values]
    words = [each for each in values if isinstance(each, str)]
    hint = misspelt(value, words) if isinstance(value, str) else None
    if hint:
        texts = [f'"{hint}"', *(text for text in texts if text != f'"{hint}"')]
    cut = ", ".join(texts[:12]) + (f", … ({len(texts)} in all)" if len(texts) > 12 else "")
    if len(texts) == 1:
        return f"expected {cut}"
    return f"expected one of {cut}" + (f' (did you mean "{hint}"?)' if hint else "")


def finite(value: float) -> float:
    """``value`` itself. Raises ``ValidationError`` for infinities, NaN and integers beyond 2^53."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValidationError("", text=f"{value} cannot be sent; expected a finite number")
    if abs(value) > EXACT and float(value).is_integer():
        raise ValidationError(
            "", text=f"{value:.0f} is beyond 2^53, where Lua numbers are no longer exact; pass it as a string"
        )
    return value


def whole(text: str) -> int | None:
    """The integer written as plain digits in ``text``, or None.

    None for spaces, a ``+``, leading zeros, a fraction, an exponent, other bases, and values beyond 64 bits.
    """
    if not re.match(_DIGITS, text):
        return None
    value = int(text)
    return value if -(2**63) <= value < 2**63 else None


def integer_checker(catalog: Catalog, schema: Schema) -> Checker:
    """A checker of integers; it also accepts integral floats and texts of plain digits."""
    limits = _number_limits(schema)

    def check(value: Any, full: Full) -> Any:
        kind = type(value)
        if kind is int or kind is float:
            finite(value)
            if kind is float:
                if not value.is_integer():
                    raise ValidationError("expected an integer", value)
                value = int(value)
        else:  # text from a file or the command line, or an answer's integer beyond 2^53, which scripts get as text
            digits = whole(value) if kind is str else None
            if digits is None:
                raise ValidationError("expected an integer", value)
            value = digits
        if limits is not None:
            limits(value)
        return value

    return check


def number_checker(catalog: Catalog, schema: Schema) -> Checker:
    """A checker of numbers; it also accepts texts of plain digits, and returns integral floats as integers."""
    limits = _number_limits(schema)

    def check(value: Any, full: Full) -> Any:
        kind = type(value)
        if kind is not int and kind is not float:
            digits = whole(value) if kind is str else None
            if digits is None:
                raise ValidationError("expected a number", value)
            value, kind = digits, int
        else:
            finite(value)
        if limits is not None:
            limits(value)
        return int(value) if kind is float and value.is_integer() else value

    return check


def _number_limits(schema: Schema) -> Callable[[float], None] | None:
    least, most, values = schema.minimum, schema.maximum, schema.enum
    above, below = schema.above, schema.below
    if least is most is above is below is None and not values:
        return None

    def limit(value: float) -> None:
        if least is not None and value < least:
            raise ValidationError(f"expected at least {number_text(least)}", value)
        if most is not None and value > most:
            raise ValidationError(f"expected at most {number_text(most)}", value)
        if above is not None and value <= above:
            raise ValidationError(f"expected more than {number_text(above)}", value)
        if below is not None and value >= below:
            raise ValidationError(f"expected less than {number_text(below)}", value)
        if values and schema.closed_enum and value not in values:
            raise ValidationError(one_of(values, value), value)

    return limit


def boolean_checker(catalog: Catalog, schema: Schema) -> Checker:
    """A checker that accepts only true and false."""

    def check(value: Any, full: Full) -> Any:
        if type(value) is not bool:
            raise ValidationError("expected true or false", value)
        return value

    return check
