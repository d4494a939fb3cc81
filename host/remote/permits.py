"""Permits for requests in flight that several processes or machines share: how many each of them holds.

This module only decides; it does no input or output. Permits ("places") are leased, not requested for each call: a
member keeps a place for its next call, so a call costs no message as long as there are enough. When a member waits,
idle places are recalled from the others, and from those that hold more than their part also places which they need.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Generic, NamedTuple, TypeVar

__all__ = ["PermitPool", "PermitShare"]

Member = TypeVar("Member", bound=Hashable)


class PermitShare(NamedTuple):
    """A member's share of a pool: how many places it holds and waits for.

    ``turn`` is its position among the waiting members, from 1, or 0. ``hard`` and ``soft`` are how many places were
    recalled from it and not returned yet; see :class:`host.remote.limit_messages.PermitsRecalled`.
    """

    held: int = 0
    wanted: int = 0
    turn: int = 0
    hard: int = 0
    soft: int = 0


class PermitPool(Generic[Member]):
    """A pool of ``total`` places. ``grant(member, count)`` and ``recall(member, count, hard)`` notify the members.

    Every member has an equal part, and may hold more places while no other member waits for them.
    """

    def __init__(
        self, total: int, grant: Callable[[Member, int], None], recall: Callable[[Member, int, bool], None]
    ) -> None:
        self.total = self.free = total
        self._grant = grant
        self._recall = recall
        self._held: dict[Member, int] = {}
        self._wanted: dict[Member, int] = {}  # in the order in which members are served
        self._hard: dict[Member, int] = {}  # recalled and not returned yet
        self._soft: dict[Member, int] = {}

    def restore(self, shares: Mapping[Member, PermitShare]) -> None:
        """Restore the state that :meth:`shares` returned, for a pool that is stored elsewhere between two decisions."""
        for member, share in sorted(shares.items(), key=lambda each: each[1].turn):
            self._held[member] = share.held
            self.free -= share.held
            for notes, count in ((self._wanted, share.wanted), (self._hard, share.hard), (self._soft, share.soft)):
                if count:
                    notes[member] = count

    def shares(self) -> dict[Member, PermitShare]:
        """The share of each member."""
        turns = {member: turn for turn, member in enumerate(self._wanted, 1)}
        return {
            member: PermitShare(
                held,
                self._wanted.get(member, 0),
                turns.get(member, 0),
                self._hard.get(member, 0),
                self._soft.get(member, 0),
            )
            for member, held in self._held.items()
        }

    def join(self, member: Member, first: int = 0) -> int:
        """Add a member with up to ``first`` places; returns how many it got."""
        got = self._held[member] = min(first, self.free)
        self.free -= got
        return got

    def leave(self, member: Member) -> None:
        """Remove a member; the places it held become free."""
        self.free += self._held.pop(member, 0)
        for notes in (self._wanted, self._hard, self._soft):
            notes.pop(member, None)
        self._serve()

    def want(self, member: Member, count: int) -> None:
        """Request ``count`` further places for a member."""
        self._held.setdefault(member, 0)
        self._wanted[member] = self._wanted.get(member, 0) + count
        self._serve()

    def give_back(self, member: Member, count: int) -> None:
        """Return ``count`` places of a member."""
        self._held[member] -= count
        self.free += count
        for notes in (self._hard, self._soft):
            taken = min(count, notes.get(member, 0))
            if taken:
                notes[member] -= taken
                count -= taken
        self._serve()

    def held(self, member: Member) -> int:
        """How many places a member holds."""
        return self._held.get(member, 0)

    @property
    def part(self) -> int:
        """An equal part of the places; 0 if there are fewer places than members, which then use them in turn."""
        return self.total // max(1, len(self._held))

    def _serve(self) -> None:
        grants: dict[Member, int] = {}
        while self.free > 0 and self._wanted:
            member = next(iter(self._wanted))
            left = self._wanted.pop(member) - 1
            if left:
                self._wanted[member] = left
            grants[member] = grants.get(member, 0) + 1
            self._held[member] += 1
            self.free -= 1
        for member in grants:  # it will probably need more, so fill its part with places for which no member waits
            more = min(self.free, self.part - self._held[member])
            if more > 0:
                grants[member] += more
                self._held[member] += more
                self.free -= more
        for member, count in grants.items():
            self._grant(member, count)
        if self._wanted:
            self._call_back()

    def _call_back(self) -> None:
        # A member with less than its part, or with nothing, gets places that another member could still use (hard).
        least = max(1, self.part)
        needed = sum(min(count, max(0, least - self._held[one])) for one, count in self._wanted.items())
        needed -= sum(self._hard.values())
        short = sum(self._wanted.values())
        for member, held in self._held.items():
            hard = min(needed, held - self.part - self._hard.get(member, 0))
            if hard > 0:
                needed -= hard
                self._hard[member] = self._hard.get(member, 0) + hard
                self._recall(member, hard, True)
            pending = self._hard.get(member, 0) + self._soft.get(member, 0)
            soft = min(short, held) - pending
            if soft > 0 and set(self._wanted) != {member}:
                self._soft[member] = self._soft.get(member, 0) + soft
                self._recall(member, soft, False)
