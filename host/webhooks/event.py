"""A received event: the sender's body, and the members of it that the host uses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from host.apis.json_values import decode_json
from host.errors import InvalidCall, LimitError
from host.webhooks.json_path import at

__all__ = ["MOST_VALUES", "STRIPE", "Paths", "ReceivedEvent"]

LONGEST = 255  # characters of an id or a type
MOST_VALUES = 200_000  # JSON values in a body


class Paths(msgspec.Struct, frozen=True):
    """The paths of an event's id, type, object's id and time in the sender's body: names separated by dots."""

    id: str = "id"
    type: str = "type"
    object: str = "data.object.id"
    created: str = "created"


STRIPE = Paths()
_THIN = ("v2.core.event", "related_object.id")  # the ``object`` of Stripe's thin events, and the path of their object


class ReceivedEvent(msgspec.Struct, frozen=True):
    """One event. ``id`` is given by the sender, and is the same each time the event is delivered. ``object`` is the id
    of the object it is about, or "". ``created`` is in seconds since 1970, by the sender's clock. ``payload`` is JSON.
    """

    id: str
    type: str
    object: str
    created: float
    payload: str

    @classmethod
    def read(cls, body: bytes, paths: Paths, *, id: str = "", type: str = "") -> ReceivedEvent:
        """Read an event from ``body``. ``id`` and ``type``, where given, come from headers and take precedence.

        Raises :class:`InvalidCall` if the body is not a JSON object, or if the event has no id or type.
        """
        try:
            value = decode_json(body, MOST_VALUES)
            payload = body.decode()
        except ValueError:
            form = body.startswith(b"payload=")  # as GitHub sends it by default
            more = ", but a form: have the sender send application/json" if form else ""
            raise InvalidCall(f"the body is not JSON{more}") from None
        except LimitError as error:
            raise InvalidCall(f"the body: {error.message}") from None
        if not isinstance(value, dict):
            raise InvalidCall("the body is not a JSON object")
        return cls(
            id=_text(id or at(value, paths.id), "id", "in its header" if id else f"at {paths.id}"),
            type=_text(type or at(value, paths.type), "type", "in its header" if type else f"at {paths.type}"),
            object=_object(at(value, _THIN[1] if value.get("object") == _THIN[0] else paths.object)),
            created=_time(at(value, paths.created)),
            payload=payload,
        )


def _text(found: Any, what: str, where: str) -> str:
    """Check an id or a type. It is shown and stored, so control characters are refused."""
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
