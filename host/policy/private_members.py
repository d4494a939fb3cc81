"""Members of requests and answers that traces must not show, by their names.

Secrets that the host knows are redacted by their value (:mod:`host.policy.redaction`). Those found here are secrets it
does not know: members of an API's answer (``client_secret``), or values a script sends (a card's number).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_plus

__all__ = ["REDACTED", "is_private", "may_hide", "without_private", "without_private_headers", "without_private_text"]

REDACTED = "[redacted]"

_NAME = re.compile(
    r"(?:^|[_\-. \[])(?:secret|password|passwd|passphrase|pin|cvc|cvv|token|api_?key|private_?key|credentials?"
    r"|authorization|assertion|signature|card_?number|account_?number|ssn(?:_last_4)?|id_number)\]?$"
    r"|(?:^|[\[.])(?:card|us_bank_account)\]?[\[.]number\]?$",
    re.IGNORECASE,
)
# The end of a private name before its value in JSON, JSON within JSON or a form; or a number as long as a card's.
_HINTS = re.compile(
    r"(?:secret|passw(?:or)?d|passphrase|pin|cvc|cvv|token|key|credentials?|authorization|assertion|signature|number|ssn"
    r"|last_4)(?:\]|%5D)?(?:\\*\"\s*:|=)|[0-9](?:[ -]?[0-9]){12}",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_HEADER = re.compile(
    r"^(?:proxy-)?authorization$|^(?:set-)?cookie$|secret|password|token|api-?key|signature|credential", re.IGNORECASE
)
_IN_JSON = re.compile(r'"((?:[^"\\]|\\.){1,200})"(\s*:\s*)("(?:[^"\\]|\\.)*"?|-?\d[\d.eE+-]*)')
_IN_FORM = re.compile(r"(?:^|(?<=[&?]))([^=&?\s]{1,300})=([^&#\s'<>]+)")
_CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?!\d|\.\d)")


def may_hide(text: str) -> bool:
    """Whether JSON text may contain something :func:`without_private` redacts. Quick; often true for nothing."""
    return _HINTS.search(text) is not None


def is_private(name: str) -> bool:
    """Whether a member of this name must not be shown."""
    return _NAME.search(_CAMEL.sub("_", name)) is not None


def without_private(value: Any, path: str = "") -> Any:
    """A plain value of the same shape, with the values of private members redacted."""
    if isinstance(value, dict):
        return {
            name: REDACTED if _hides(f"{path}.{name}", item) else without_private(item, f"{path}.{name}")
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [REDACTED if _hides(path, item) else without_private(item, path) for item in value]
    return without_private_text(value) if isinstance(value, str) else value


def without_private_text(text: str) -> str:
    """A body or URL, as JSON or a form, possibly cut off, with the values of private members redacted."""
    text = _IN_JSON.sub(lambda m: f'"{m[1]}"{m[2]}"{REDACTED}"' if is_private(m[1]) else m[0], text)
    text = _IN_FORM.sub(lambda m: f"{m[1]}={REDACTED}" if is_private(unquote_plus(m[1])) else m[0], text)
    return _CARD.sub(_card, text)


def without_private_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Headers, with the values of those that carry credentials redacted."""
    return [(name, REDACTED if _HEADER.search(name) else without_private_text(value)) for name, value in headers]


def _hides(path: str, item: Any) -> bool:
    return item is not None and not isinstance(item, dict | list | bool) and is_private(path)


def _card(found: re.Match[str]) -> str:
    """The last four digits of a number that is a payment card's by its check digit (ISO/IEC 7812-1)."""
    digits = [int(each) for each in found[0] if each.isdigit()]
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * each, 10)) for each in digits[-2::-2])
    return f"…{''.join(map(str, digits[-4:]))}" if total % 10 == 0 and digits[0] in (2, 3, 4, 5, 6) else found[0]
