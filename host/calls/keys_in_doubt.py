"""Idempotency keys under which a change may have happened, and what their budgets still hold for it.

A key is in doubt from the first answer that leaves the outcome of its request open until one that settles it.
Until then, what the request took from budgets stays taken.
"""

from __future__ import annotations

from host.bridge.request import Reply
from host.policy.quota import Reservation, settle

__all__ = ["Doubt", "Doubts", "Key"]

Key = tuple[str, str]
"""Origin (``https://api.stripe.com``) and idempotency key."""

MOST = 100_000  # keys remembered by one host


class Doubt:
    """``digest`` identifies the request as first sent; ``reservations`` is what it took from budgets."""

    __slots__ = ("digest", "reservations")

    def __init__(self, digest: int | None, reservations: tuple[Reservation, ...]) -> None:
        self.digest = digest
        self.reservations = reservations


class Doubts:
    """The keys in doubt of one host, in ``by_key``, which is nearly always empty. Thread-safe."""

    __slots__ = ("by_key",)

    def __init__(self) -> None:
        self.by_key: dict[Key, Doubt] = {}

    def find(self, key: Key | None) -> Doubt | None:
        """The doubt about a key, if there is one."""
        return self.by_key.get(key) if key is not None else None

    def note(self, key: Key, digest: int | None, reservations: tuple[Reservation, ...]) -> None:
        """Note that the outcome of a request under this key is unknown."""
        found = self.by_key.get(key)
        if found is None:
            if len(self.by_key) >= MOST:  # by then hours old; APIs forget keys after about a day
                self.by_key.pop(next(iter(self.by_key)), None)
            self.by_key[key] = Doubt(digest, reservations)
        else:
            found.reservations += tuple(
                reservation for reservation in reservations if reservation not in found.reservations
            )

    def settle(self, key: Key, reply: Reply) -> None:
        """The outcome is known: ``reply`` decides what the budgets keep of it."""
        found = self.by_key.pop(key, None)  # only the thread that removes it settles it
        if found is not None:
            settle(found.reservations, reply)
