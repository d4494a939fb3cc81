"""The value a script returned, as text."""

from __future__ import annotations

from typing import Any

__all__ = ["as_json", "as_line", "as_text", "ordered"]


def ordered(value: Any) -> Any:
    """A script's value with the keys of its tables sorted, numbers first: in Lua they have no order that lasts."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (isinstance(key, str), key))
        return {key: ordered(value[key]) for key in keys}
    return [ordered(item) for item in value] if isinstance(value, list | tuple) else value


def as_json(value: Any) -> str:
    """One line of JSON. Values JSON cannot express (bytes, infinities) become text."""
    import json  # most scripts return nothing, or a string

    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, default=_plain)


def as_text(value: Any) -> str:
    """For reading: a string as it is, anything nested as indented JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list | tuple):
        import json  # as above

        return json.dumps(_finite(value), ensure_ascii=False, indent=2, default=_plain)
    return as_json(value) if value is None or isinstance(value, bool) else str(_plain(value))


def as_line(value: Any) -> str:
    """For reading among others: a string as it is, anything nested as JSON of one line."""
    return as_json(_finite(value)) if isinstance(value, dict | list | tuple) else as_text(value)


def _plain(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
