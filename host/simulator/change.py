"""The changes that a request made to stored objects, and the events derived from them."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Change", "Derived"]


class Change(NamedTuple):
    """One write of an object: its JSON before (``None`` if it is new) and after.

    With ``announced`` it is no write but the type of an event that no change of the object would show. ``account`` is
    the connected account that the object belongs to, or "" for the platform.
    """

    kind: str
    id: str
    before: bytes | None
    after: bytes
    deleted: bool = False
    announced: str = ""
    account: str = ""


class Derived(NamedTuple):
    """An event to be made: its type, its ``data.object`` and, for updates, its ``data.previous_attributes``.

    ``account`` is the connected account that the event is about, where the object itself is stored outside of it.
    See https://docs.stripe.com/api/events/object.
    """

    type: str
    object: dict[str, Any]
    previous: dict[str, Any] | None = None
    account: str = ""
