"""The types of the events for a change of an object. https://docs.stripe.com/api/events/types"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

__all__ = ["FAMILIES", "happened_to", "names_of", "updated_of"]

Object = Mapping[str, Any]
_NONE: Final[Object] = {}

# The beginning of the types of a kind's events, where it is not the kind itself.
FAMILIES: Final[Mapping[str, str]] = {
    "subscription": "customer.subscription",
    "dispute": "charge.dispute",
    "discount": "customer.discount",
    "tax_id": "customer.tax_id",
    "card": "customer.source",
    "bank_account": "customer.source",
    "fee_refund": "application_fee.refund",
    "issuing.authorization": "issuing_authorization",
    "issuing.card": "issuing_card",
    "issuing.cardholder": "issuing_cardholder",
    "issuing.dispute": "issuing_dispute",
    "issuing.personalization_design": "issuing_personalization_design",
    "issuing.token": "issuing_token",
    "issuing.transaction": "issuing_transaction",
}

# By kind and new status: the end of the event's type, where it is not the status itself.
_STATUS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "billing.meter": {"inactive": ("deactivated",), "active": ("reactivated",)},
    "checkout.session": {"complete": ("completed",)},
    "credit_note": {"void": ("voided",)},
    "dispute": {"won": ("closed",), "lost": ("closed",), "warning_closed": ("closed",)},
    "invoice": {
        "open": ("finalized",),
        "paid": ("paid", "payment_succeeded"),
        "void": ("voided",),
        "uncollectible": ("marked_uncollectible",),
    },
    "quote": {"open": ("finalized",)},
    "subscription": {"canceled": ("deleted",)},
}
# Statuses whose events depend on other members: see _SPECIAL.
_NOT_BY_STATUS: Final = {("payment_intent", "requires_payment_method"), ("setup_intent", "requires_payment_method")}
# Statuses that an object is created with, which lead to no event of their own.
_BEGINS_AS: Final = {("billing.meter", "active"), ("identity.verification_session", "requires_input")}
# By kind: the only members whose changes lead to an ``updated`` event, those that callers set.
_DESCRIBED: Final[Mapping[str, frozenset[str]]] = {
    kind: frozenset(
        {"metadata", "description", "receipt_email", "shipping", "fraud_details", "customer", "balance_transaction"}
    )
    for kind in ("charge", "transfer", "payout")
}

# Members whose changes have events of their own, and lead to no ``updated`` event.
_OWN_EVENTS: Final[Mapping[str, frozenset[str]]] = {
    "payment_method": frozenset({"customer"}),
    "v2.core.account": frozenset({"closed"}),
}
# Members that show other objects, which have events of their own.
_SHOWN: Final[Mapping[str, frozenset[str]]] = {
    "issuing.authorization": frozenset({"card", "transactions"}),
    "issuing.card": frozenset({"cardholder"}),
}
# Final statuses, which lead to an event of their own and to no ``updated`` event.
_ENDED: Final[Mapping[str, frozenset[str]]] = {
    "subscription": frozenset({"canceled"}),
    "subscription_schedule": frozenset({"canceled", "completed", "released"}),
}


def names_of(kind: str, old: Object | None, new: Object, *, deleted: bool, known: frozenset[str]) -> list[str]:
    """The events of one change for the creation, the deletion or a new status of an object, in their order.

    ``old`` is ``None`` for a new object. ``known`` are the types of events that the API has.
    """
    family = _family(kind, new)
    ends: list[str] = []
    if deleted:
        ends.append("deleted")
    else:
        if (old is None or _is_undecided(kind, old)) and not _is_undecided(kind, new):
            ends.append("created")
        ends.extend(_by_status(kind, old or _NONE, new))
    names = [f"{family}.{end}" for end in ends]
    return [name for name in dict.fromkeys(names) if name in known]


def happened_to(kind: str, old: Object | None, new: Object, known: frozenset[str]) -> list[str]:
    """The events of one change that other members imply, without ``updated``."""
    special = _SPECIAL.get(kind)
    return [name for name in special(old or _NONE, new) if name in known] if special is not None else []


def updated_of(kind: str, new: Object, changed: Mapping[str, Any], known: frozenset[str]) -> list[str]:
    """The ``updated`` events of an object; ``changed`` are the members that differ, with their old values."""
    described = _DESCRIBED.get(kind)
    if described is not None and not described.intersection(changed):
        return []
    if "status" in changed and new.get("status") in _ENDED.get(kind, ()):
        return []
    if _OWN_EVENTS.get(kind, frozenset()) & changed.keys() or changed.keys() <= _SHOWN.get(kind, frozenset()):
        return []
    if _is_undecided(kind, new) or (kind == "issuing.authorization" and changed.get("request_history") == []):
        return []
    names = [f"{_family(kind, new)}.updated"]
    if kind == "refund":
        names.append("charge.refund.updated")
    return [name for name in names if name in known]


def _is_undecided(kind: str, value: Object) -> bool:
    """Whether it is an authorization that waits for its first decision. Its ``created`` event comes after that.

    https://docs.stripe.com/issuing/purchases/authorizations
    """
    return kind == "issuing.authorization" and bool(value.get("pending_request")) and not value.get("request_history")


def _family(kind: str, value: Object) -> str:
    if kind in ("card", "bank_account", "source") and value.get("account"):
        return "account.external_account"
    if kind == "source" and value.get("customer"):
        return "customer.source"
    return FAMILIES.get(kind, kind)


def _by_status(kind: str, old: Object, new: Object) -> Iterator[str]:
    status, before = new.get("status"), old.get("status")
    if not isinstance(status, str) or status == before or (kind, status) in _NOT_BY_STATUS:
        return
    if kind == "invoice" and status == "paid" and before in (None, "draft"):
        yield "finalized"
    if before is None and (kind, status) in _BEGINS_AS:
        return
    yield from _STATUS.get(kind, {}).get(status, (status,))


def _charge(old: Object, new: Object) -> Iterator[str]:
    if old and new.get("captured") and not old.get("captured") and new.get("status") == "succeeded":
        yield "charge.captured"
    if (new.get("amount_refunded") or 0) > (old.get("amount_refunded") or 0):
        yield "charge.refunded"


def _payment_intent(old: Object, new: Object) -> Iterator[str]:
    if new.get("status") == "requires_payment_method" and _error(new) and _error(new) != _error(old):
        yield "payment_intent.payment_failed"
    if new.get("status") == "requires_capture" and new.get("amount_capturable") != (old.get("amount_capturable") or 0):
        yield "payment_intent.amount_capturable_updated"


def _setup_intent(old: Object, new: Object) -> Iterator[str]:
    error = new.get("last_setup_error")
    if new.get("status") == "requires_payment_method" and error and error != old.get("last_setup_error"):
        yield "setup_intent.setup_failed"


def _error(intent: Object) -> Any:
    return intent.get("last_payment_error")


def _payment_method(old: Object, new: Object) -> Iterator[str]:
    if new.get("customer") and not old.get("customer"):
        yield "payment_method.attached"
    if old.get("customer") and not new.get("customer"):
        yield "payment_method.detached"


def _session(old: Object, new: Object) -> Iterator[str]:
    waited = old.get("status") == new.get("status") == "complete" and old.get("payment_status") == "unpaid"
    if waited and new.get("payment_status") == "paid":
        yield "checkout.session.async_payment_succeeded"


def _dispute(old: Object, new: Object) -> Iterator[str]:
    moved, before = new.get("balance_transactions") or [], old.get("balance_transactions") or []
    for transaction in moved[len(before) :]:
        amount = transaction.get("amount", 0) if isinstance(transaction, Mapping) else 0
        yield "charge.dispute.funds_withdrawn" if amount < 0 else "charge.dispute.funds_reinstated"


def _refunded(name: str, member: str) -> Callable[[Object, Object], Iterator[str]]:
    def events(old: Object, new: Object) -> Iterator[str]:
        if (new.get(member) or 0) > (old.get(member) or 0):
            yield name

    return events


def _account_of_v2(old: Object, new: Object) -> Iterator[str]:
    if new.get("closed") and not old.get("closed"):
        yield "v2.core.account.closed"


def _verification(old: Object, new: Object) -> Iterator[str]:
    if (new.get("redaction") or {}).get("status") == "redacted" and new.get("redaction") != old.get("redaction"):
        yield "identity.verification_session.redacted"


def _subscription(old: Object, new: Object) -> Iterator[str]:
    if old.get("status") == "paused" and new.get("status") != "paused":
        yield "customer.subscription.resumed"


_SPECIAL: Final[Mapping[str, Callable[[Object, Object], Iterator[str]]]] = {
    "application_fee": _refunded("application_fee.refunded", "amount_refunded"),
    "charge": _charge,
    "checkout.session": _session,
    "dispute": _dispute,
    "identity.verification_session": _verification,
    "payment_intent": _payment_intent,
    "payment_method": _payment_method,
    "setup_intent": _setup_intent,
    "subscription": _subscription,
    "v2.core.account": _account_of_v2,
    "transfer": _refunded("transfer.reversed", "amount_reversed"),
}
