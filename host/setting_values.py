"""Reads the values of settings: each function returns a clean value, or raises ``ValueError`` saying what is wrong."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from host.secret import Secret

__all__ = [
    "MAX_SECONDS",
    "PRINTABLE",
    "read_base",
    "read_choice",
    "read_count",
    "read_endpoint",
    "read_flag",
    "read_journal",
    "read_optional",
    "read_path",
    "read_seconds",
    "read_token",
    "read_version",
]

MAX_SECONDS = 86_400.0


PRINTABLE = re.compile(r"[\x21-\x7e]+")


def read_base(value: object) -> str:
    """The base URL of an API, without user name, query and fragment."""
    allowed = "expected a URL such as https://api.stripe.com"
    if not isinstance(value, str):
        raise ValueError(f"is {type(value).__name__}; {allowed}")
    text = value.strip()
    if "@" in text:  # not repeated: what stands before the @ may be a password
        raise ValueError(f"holds a user name or '@'; {allowed}")
    parts = _http_parts(text, allowed)
    if parts is None or parts.query or parts.fragment:
        raise ValueError(f"is {text!r}; {allowed}, without query or fragment")
    return text.rstrip("/")


def read_endpoint(value: object) -> str | None:
    """The URL of a GraphQL endpoint, or ``None``."""
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else ""
    allowed = "expected a URL such as https://api.example.com/graphql"
    if "@" in text.partition("?")[0]:  # not repeated: what stands before the @ may be a password
        raise ValueError(f"holds a user name or '@'; {allowed}")
    parts = _http_parts(text, allowed)
    if parts is None or parts.fragment:
        raise ValueError(f"is {text!r}; {allowed}")
    return text


def _http_parts(text: str, allowed: str) -> SplitResult | None:
    """The parts of a URL of http or https; ``None`` for another text. Raises ``ValueError`` if it cannot be read."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"is {text!r}; {allowed}") from None
    well_formed = parts.scheme in ("https", "http") and parts.hostname and port != 0
    return parts if well_formed and PRINTABLE.fullmatch(text) else None


def read_token(value: object) -> Secret | None:
    """A token, or ``None``."""
    if value is None:
        return None
    if not isinstance(value, str | Secret):
        raise ValueError(f"is {type(value).__name__}; expected a string")
    text = (value.reveal() if isinstance(value, Secret) else value).strip()
    if not PRINTABLE.fullmatch(text):
        raise ValueError("is empty, or holds a space, line break or non-ASCII character")
    return Secret(text)


def read_path(value: object) -> str | None:
    """A file's path or a word in its place, or ``None``."""
    if value is None:
        return None
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise ValueError(f"is {value!r}; expected a file's path, or introspect")
    return text.strip()


def read_version(value: object) -> str | None:
    """A version of Stripe's API, or ``None``."""
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else ""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d(\.\w+)?(; ?\w+=v\d+)*", text, re.ASCII):
        raise ValueError(f"is {value!r}; expected a version such as 2025-09-30.clover")
    return text


def read_flag(value: object) -> bool:
    """True or false."""
    text = value.strip().lower() if isinstance(value, str) else value
    if text is True or text in ("true", "1", "yes", "on"):
        return True
    if text is False or text in ("false", "0", "no", "off"):
        return False
    raise ValueError(f"is {value!r}; expected true or false")


def read_journal(value: object) -> str | None:
    """A path or a database's URL, or ``None``."""
    if value is None:
        return None
    if not isinstance(value, str | os.PathLike):
        raise ValueError(f"is {type(value).__name__}; expected a file's path or a database's URL")
    return os.fspath(value).strip() or None


def read_seconds(value: object) -> float:
    """A number of seconds, at most a day."""
    try:
        number = math.nan if isinstance(value, bool) else float(cast(Any, value))
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number <= MAX_SECONDS:
        raise ValueError(f"is {value!r}; expected seconds, a number above 0 and at most {MAX_SECONDS:.0f}")
    return number


def read_count(maximum: int) -> Callable[[object], int]:
    """What reads a whole number from 1 to ``maximum``."""

    def read(value: object) -> int:
        number = value
        if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
            number = int(value)
        if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= maximum:
            raise ValueError(f"is {value!r}; expected a whole number from 1 to {maximum}")
        return number

    return read


def read_optional(read: Callable[[object], Any]) -> Callable[[object], Any]:
    """What reads ``None`` as it is, and everything else with ``read``."""
    return lambda value: None if value is None else read(value)


def read_choice(*allowed: str, **aliases: str) -> Callable[[object], str]:
    """What reads one of the ``allowed`` words; ``aliases`` are other words for them."""

    def read(value: object) -> str:
        text = value.strip().lower() if isinstance(value, str) else ""
        text = aliases.get(text, text)
        if text not in allowed:
            raise ValueError(f"is {value!r}; expected one of {', '.join(allowed)}")
        return text

    return read
