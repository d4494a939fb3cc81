"""Quotas: a budget each, with what was spent of it, checked before a call is sent.

The check is made under a lock, so that concurrent calls cannot exceed a budget together. A call that was certainly not
sent is given back. A call that the API refused counts as a call, but its money is given back. A call whose outcome is
unknown stays counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from host.errors import LimitError
from host.http.message import Request, Response
from host.http.outcome import refusal
from host.policy.budget import Budget
from host.policy.ledger import MemoryLedger, SpendingLedger
from host.policy.units import UNITS

if TYPE_CHECKING:
    from host.apis.catalog import Operation
    from host.bridge.request import Reply
    from host.policy.charges import Cost, Money

__all__ = ["Quota", "Reservation", "admit", "keeps", "readmit", "release", "settle"]

MOST_COUNTED = 100_000  # objects whose amounts a quota remembers


class Reservation(msgspec.Struct, frozen=True, eq=False):
    """What one call took from one quota, until the outcome of the call is known."""

    quota: Quota
    account: str
    amounts: Mapping[str, int]
    mutation: bool
    money: Money | None = None
    total: Money | None = None  # the amount its object counts for afterwards
    day: str | None = ""  # what the ledger's spend returned; None: this reservation has put nothing into the ledger
    refused: LimitError | None = None  # of a replayed call: the error with which it would be refused now

    def give_back(self, amounts: Mapping[str, int] | None = None) -> None:
        """Take ``amounts``, or all it took, out of the ledger again, from the day on which they were spent."""
        if self.day is not None:
            self.quota.ledger.give_back(self.account, self.amounts if amounts is None else amounts, self.day)


class Quota:
    """One budget, and what was spent of it. ``name`` says whose it is, for messages: ``"the run"``."""

    def __init__(self, budget: Budget, name: str, ledger: SpendingLedger | None = None) -> None:
        self.budget = budget
        self.name = name
        self.ledger: SpendingLedger = ledger or MemoryLedger()
        self._ceilings = budget.ceilings
        self._counted: dict[str, Money] = {}  # the counted amount of an object, by its id

    def admit(
        self,
        label: str,
        mutation: bool,
        *,
        account: str = "",
        operation: Operation | None = None,
        request: Request | None = None,
        raw: bool = False,
        beyond: tuple[str, ...] = (),
        replayed: bool = False,
        counted: Iterable[Reservation] = (),
    ) -> Reservation:
        """Reserve the cost of a call. Raises ``LimitError`` naming the budget, what is left of it and the cost.

        ``operation`` is set for Stripe's operations, whose amounts are known. ``raw`` says that a request carries an
        API's key but is not one of its operations. ``beyond`` are names it sends that the catalog does not have.

        ``replayed`` says that the call was admitted before its run was interrupted. It is counted as before, whatever
        is left, but not a second time in a ledger that still has it. If it is then sent, :meth:`readmit` checks it.

        ``counted`` are reservations of the same request, sent before and in doubt, which have counted the change.
        """
        money, total, refused = None, None, None
        new = mutation and not any(reservation.quota is self for reservation in counted)
        amounts = {name: n for name, unit in UNITS.items() if (n := unit.counts(label, new))}
        if new:
            try:
                if self.budget.max_amount and operation is not None and request is not None:
                    found = self._cost(label, operation, request, beyond)
                    money, total = found.money, found.total
                    if money is not None:
                        amounts[money.currency] = money.amount
                elif self.budget.max_amount and raw:
                    self._refuse_unknown(label)
            except LimitError as error:
                if not replayed:
                    raise
                refused = error
        day = None
        if not (replayed and self.ledger.outlives):
            day = self._spend(label, mutation, account, amounts, {} if replayed else self._ceilings)
        return Reservation(self, account, amounts, mutation, money, total, day, refused)

    def readmit(self, reservation: Reservation, label: str) -> Reservation:
        """The reservation of a replayed call that had not been sent and now will be. Raises ``LimitError``."""
        if reservation.refused is not None:
            raise reservation.refused
        reservation.give_back()
        day = self._spend(label, reservation.mutation, reservation.account, reservation.amounts, self._ceilings)
        return replace(reservation, day=day)

    def _spend(
        self,
        label: str,
        mutation: bool,
        account: str,
        amounts: Mapping[str, int],
        ceilings: Mapping[str, int],
    ) -> str:
        found = self.ledger.spend(account, amounts, ceilings)
        if not isinstance(found, str):
            raise self._over(label, mutation, *found, amounts)
        return found

    def _cost(self, label: str, operation: Operation, request: Request, beyond: tuple[str, ...]) -> Cost:
        from host.policy.charges import cost  # only under a budget of amounts

        found, budget = cost(operation, request, self._counted, beyond), self.budget
        if not found.known:
            self._refuse_unknown(label)
        money = found.money
        if money is not None and money.currency not in budget.max_amount:
            raise LimitError(
                f"{self.name} has no budget for {money.currency}; {label} asks for {money.amount:,}",
                hint=f"Grant one with --max-amount {money.currency}:{money.amount}.",
                operation=label,
                outcome="not_sent",
            )
        return found

    def _refuse_unknown(self, label: str) -> None:
        if self.budget.allow_unbounded:
            return
        have = ", ".join(f"{currency} {amount:,}" for currency, amount in self.budget.max_amount.items())
        raise LimitError(
            f"what {label} charges is not known before it is sent; {self.name} has a budget of {have}",
            hint="--allow-unbounded (Budget.allow_unbounded) allows such calls, without counting them.",
            operation=label,
            outcome="not_sent",
        )

    def _over(self, label: str, mutation: bool, unit: str, spent: int, amounts: Mapping[str, int]) -> LimitError:
        ceiling = self._ceilings[unit]
        flag = UNITS[unit].flag if unit in UNITS else "--max-amount"
        return LimitError(
            f"{self.name} has a budget of {ceiling:,} {unit}, of which {max(0, ceiling - spent):,} are left; "
            f"{label} asks for {amounts[unit]:,}",
            hint=f"{flag} sets it.",
            operation=label,
            outcome="not_sent" if mutation else None,
        )

    def settle(self, reservation: Reservation, reply: Reply) -> None:
        """Give back what a call did not use. Called once a reservation, when the outcome is known, on any thread."""
        end = _end(reply, reservation.mutation)
        if end == "not_sent":
            reservation.give_back()
        elif end == "rejected":
            if reservation.money is not None:
                reservation.give_back({reservation.money.currency: reservation.money.amount})
        elif end == "done" and reservation.mutation and self.budget.max_amount and isinstance(reply.value, Response):
            self._remember(reservation, reply.value)

    def _remember(self, reservation: Reservation, answer: Response) -> None:
        from host.policy.charges import counted_ids

        ids, counted = counted_ids(answer), self._counted
        before = next((counted[id] for id in ids if id in counted), None)
        total = reservation.total or before
        if total is None:
            return
        if before is not None and before.currency == total.currency and before.amount > total.amount:
            total = before
        for id in ids:
            counted[id] = total
        while len(counted) > MOST_COUNTED:  # later calls on forgotten objects are refused rather than allowed
            counted.pop(next(iter(counted)), None)


def admit(quotas: Iterable[Quota], label: str, mutation: bool, **facts: Any) -> tuple[Reservation, ...]:
    """A reservation of each quota, or none: if one refuses, the others are given back."""
    reservations: list[Reservation] = []
    try:
        for quota in quotas:
            reservations.append(quota.admit(label, mutation, **facts))
    except BaseException:
        release(reservations)
        raise
    return tuple(reservations)


def release(reservations: Iterable[Reservation]) -> None:
    """Give all reservations back, since the call was not made."""
    for reservation in reservations:
        reservation.give_back()


def readmit(reservations: Iterable[Reservation], label: str) -> tuple[Reservation, ...]:
    """:meth:`Quota.readmit` for each, or for none: if one refuses, all are given back."""
    before, now = list(reservations), []
    try:
        while before:
            now.append(before[0].quota.readmit(before[0], label))
            del before[0]
    except BaseException:
        release(now)
        release(before[1:])
        raise
    return tuple(now)


def settle(reservations: Iterable[Reservation], reply: Reply) -> None:
    """:meth:`Quota.settle` for each."""
    for reservation in reservations:
        reservation.quota.settle(reservation, reply)


def keeps(reply: Reply) -> bool:
    """Whether the reservations of a change stay in the budgets after this reply."""
    return _end(reply, True) in ("unknown", "done")


def _end(reply: Reply, mutation: bool) -> str:
    error = reply.error
    if error is not None:
        if error.outcome == "not_sent" and (error.attempts or 1) == 1:
            return "not_sent"
        return "unknown" if mutation and error.outcome != "rejected" else "rejected"
    if isinstance(reply.value, Response) and not 200 <= reply.value.status < 300:
        return refusal(reply.value) if mutation else "rejected"
    return "done"
