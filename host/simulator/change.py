"""What a request changed, and what it led to."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Change", "Derived"]


class Change(NamedTuple):
    """One time that an object was kept: its JSON before (``None`` if it is new) and after. Or, with ``announced``, the
    type of an event that no change of the object shows. ``account`` is the connected account it belongs to, or "".
    """

    kind: str
    id: str
    before: bytes | None
    after: bytes
    deleted: bool = False
    announced: str = ""
    account: str = ""


class Derived(NamedTuple):
    """One event: its type, its ``data.object``, and for ``updated`` what was different before. ``account`` is the
    connected account that it is about, where that is kept outside of it.
    """

    type: str
    object: dict[str, Any]
    previous: dict[str, Any] | None = None
    account: str = ""
