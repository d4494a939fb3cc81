"""Members of requests and answers that are not to be seen by whoever reads a trace, whatever their value is.

Known secrets are masked by value (:mod:`host.policy.redaction`); these are secrets that the host does not know: what an
API answers with (``client_secret``), and what a script passes on (a card's number).
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
# The end of each private name, before its value in JSON, JSON within JSON or a form; or a number as long as a card's.
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
    """Whether a text of JSON may have something that :func:`without_private` leaves out; quick, and often yes."""
    return _HINTS.search(text) is not None


def is_private(name: str) -> bool:
    """Whether a member of this name holds what is not to be seen."""
    return _NAME.search(_CAMEL.sub("_", name)) is not None


def without_private(value: Any, path: str = "") -> Any:
    """Plain values without those of private members; their shape stays."""
    if isinstance(value, dict):
        return {
            name: REDACTED if _hides(f"{path}.{name}", item) else without_private(item, f"{path}.{name}")
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [REDACTED if _hides(path, item) else without_private(item, path) for item in value]
    return without_private_text(value) if isinstance(value, str) else value


def without_private_text(text: str) -> str:
    """A body or URL, as JSON or a form, cut or broken as it may be, without the values of private members."""
    text = _IN_JSON.sub(lambda m: f'"{m[1]}"{m[2]}"{REDACTED}"' if is_private(m[1]) else m[0], text)
    text = _IN_FORM.sub(lambda m: f"{m[1]}={REDACTED}" if is_private(unquote_plus(m[1])) else m[0], text)
    return _CARD.sub(_card, text)


def without_private_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Headers; those that carry credentials are named and not shown."""
    return [(name, REDACTED if _HEADER.search(name) else without_private_text(value)) for name, value in headers]


def _hides(path: str, item: Any) -> bool:
    return item is not None and not isinstance(item, dict | list | bool) and is_private(path)


def _card(found: re.Match[str]) -> str:
    """A number that is a payment card's by its check digit (ISO/IEC 7812-1) but for its last four digits."""
    digits = [int(each) for each in found[0] if each.isdigit()]
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * each, 10)) for each in digits[-2::-2])
    return f"…{''.join(map(str, digits[-4:]))}" if total % 10 == 0 and digits[0] in (2, 3, 4, 5, 6) else found[0]
