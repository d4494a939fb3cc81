"""An event as a sender wrote it, and what the host has to know of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from host.apis.json_values import decode_json
from host.errors import InvalidCall, LimitError
from host.webhooks.json_path import at

__all__ = ["MOST_VALUES", "STRIPE", "Paths", "ReceivedEvent"]

LONGEST = 255  # characters of an id or a type
MOST_VALUES = 200_000  # of a body


class Paths(msgspec.Struct, frozen=True):
    """Where in a sender's body its id, its type, its object's id and its time are: names with dots between."""

    id: str = "id"
    type: str = "type"
    object: str = "data.object.id"
    created: str = "created"


STRIPE = Paths()
_THIN = ("v2.core.event", "related_object.id")  # of Stripe: what such an event is, and where it says what it is about


class ReceivedEvent(msgspec.Struct, frozen=True):
    """``id`` is the sender's own and the same each time it is delivered; ``object`` the id of what it is about, or "";
    ``created`` seconds since 1970, by the sender's clock; ``payload`` its JSON.
    """

    id: str
    type: str
    object: str
    created: float
    payload: str

    @classmethod
    def read(cls, body: bytes, paths: Paths, *, id: str = "", type: str = "") -> ReceivedEvent:
        """The event of a body. ``id`` and ``type`` are those of its headers, where they stand there.

        Raises :class:`InvalidCall` for what is no JSON object, or has no id or type.
        """
        try:
            value = decode_json(body, MOST_VALUES)
            payload = body.decode()
        except ValueError:
            form = body.startswith(b"payload=")  # as GitHub sends it by default
            more = ", but a form: have the sender send application/json" if form else ""
            raise InvalidCall(f"the body is no JSON{more}") from None
        except LimitError as error:
            raise InvalidCall(f"the body: {error.message}") from None
        if not isinstance(value, dict):
            raise InvalidCall("the body is no JSON object")
        return cls(
            id=_text(id or at(value, paths.id), "id", "in its header" if id else f"at {paths.id}"),
            type=_text(type or at(value, paths.type), "type", "in its header" if type else f"at {paths.type}"),
            object=_object(at(value, _THIN[1] if value.get("object") == _THIN[0] else paths.object)),
            created=_time(at(value, paths.created)),
            payload=payload,
        )


def _text(found: Any, what: str, where: str) -> str:
    """An id or a type. It is shown to people and kept in databases: no control characters."""
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str) or not found:
        raise InvalidCall(f"the event has no {what} {where}")
    if len(found) > LONGEST or not found.isprintable():
        raise InvalidCall(f"the event's {what} {where}: expected at most {LONGEST} characters, all of them printable")
    return found


def _object(found: Any) -> str:
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) and len(found) <= LONGEST and found.isprintable() else ""


def _time(value: Any) -> float:
    if isinstance(value, str) and len(value) < 40:
        try:
            return datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError):
            return 0.0
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e11:
        return float(value)
    return 0.0
