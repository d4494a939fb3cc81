"""A change's arguments as the journal keeps them for display: JSON without secrets, cut. They are not used for
replay.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from host.lua.values import SecretText
from host.policy.private_members import REDACTED, may_hide, without_private
from host.policy.redaction import Redactor

__all__ = ["shown_arguments"]

LONGEST: Final = 2000  # characters
MOST: Final = 16 * 1024  # bytes of JSON that are looked through for secrets: of more only the size is shown

_encode = msgspec.json.Encoder(enc_hook=lambda value: _plain(value)).encode


def shown_arguments(arguments: Any, redactor: Redactor) -> str:
    """The text. ``redactor`` knows the secrets of the host; members named like secrets are left out as well."""
    try:
        data = _encode(arguments)
        if len(data) > MOST:
            return f"({len(data):,} bytes)"
        text = data.decode()
        if may_hide(text):
            text = _encode(without_private(arguments)).decode()
    except (msgspec.MsgspecError, RecursionError, TypeError, ValueError):  # a string that is no UTF-8, say
        return "(not shown: they are not JSON)"
    text = redactor(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _plain(value: Any) -> Any:
    if isinstance(value, SecretText):
        return REDACTED
    raise TypeError(type(value).__name__)
