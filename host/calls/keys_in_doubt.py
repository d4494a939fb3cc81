"""Idempotency keys under which a change may have happened, and what their budgets still hold for it.

A key is in doubt from the first answer that does not say what became of its request until one that does. What the
request took from budgets stays taken as long.
"""

from __future__ import annotations

from host.bridge.request import Reply
from host.policy.budget import Reservation, settle

__all__ = ["Doubt", "Doubts", "Key"]

Key = tuple[str, str]
"""Origin (``https://api.stripe.com``) and idempotency key."""

MOST = 100_000  # keys remembered by one host


class Doubt:
    """``digest`` is of the request as it was sent first, ``reservations`` what it took from budgets."""

    __slots__ = ("digest", "reservations")

    def __init__(self, digest: int | None, reservations: tuple[Reservation, ...]) -> None:
        self.digest = digest
        self.reservations = reservations


class Doubts:
    """The keys in doubt of one host, ``by_key``, which is empty nearly always. Thread-safe."""

    __slots__ = ("by_key",)

    def __init__(self) -> None:
        self.by_key: dict[Key, Doubt] = {}

    def find(self, key: Key | None) -> Doubt | None:
        """What is in doubt under a key, if anything is."""
        return self.by_key.get(key) if key is not None else None

    def note(self, key: Key, digest: int | None, reservations: tuple[Reservation, ...]) -> None:
        """Nobody knows what became of a request under this key."""
        found = self.by_key.get(key)
        if found is None:
            if len(self.by_key) >= MOST:  # hours old, where an API forgets keys after a day
                self.by_key.pop(next(iter(self.by_key)), None)
            self.by_key[key] = Doubt(digest, reservations)
        else:
            found.reservations += tuple(
                reservation for reservation in reservations if reservation not in found.reservations
            )

    def settle(self, key: Key, reply: Reply) -> None:
        """The outcome is known: ``reply`` says what the budgets take of it."""
        found = self.by_key.pop(key, None)  # only the thread that removes it settles it
        if found is not None:
            settle(found.reservations, reply)
