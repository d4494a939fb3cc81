"""The members that answers of older versions of Stripe's API have in addition to the newer ones.

https://docs.stripe.com/changelog, https://docs.stripe.com/upgrades
"""

from __future__ import annotations

from typing import Any

from host.simulator.context import Backend, Object
from host.simulator.stripe.versions import BASIL, CLOVER, DAHLIA, UI_MODES
from host.simulator.versions import Moved

INVOICE_SHARES = "~invoice_shares"  # by invoice: the parameters that host.simulator.stripe.shares stores


def _old_ui_mode(backend: Backend, session: Object) -> str | None:
    """The older name of a session's ``ui_mode``, if it has one."""
    mode = session.get("ui_mode")
    return next((old for old, new in UI_MODES.items() if new == mode), mode)


def _paid(backend: Backend, invoice: Object) -> bool:
    return bool(invoice["status"] == "paid")


def _payment(backend: Backend, invoice: Object) -> str | None:
    """The payment intent of an invoice."""
    for payment in backend.store.each("invoice_payment"):
        if payment["invoice"] == invoice["id"]:
            return (payment.get("payment") or {}).get("payment_intent")
    return None


def _charge(backend: Backend, invoice: Object) -> str | None:
    intent = backend.store.get("payment_intent", _payment(backend, invoice) or "")
    return (intent or {}).get("latest_charge")


def _tax(backend: Backend, invoice: Object) -> int | None:
    taxes = invoice.get("total_taxes")
    return sum(tax["amount"] for tax in taxes) if taxes else None


def _paid_elsewhere(backend: Backend, invoice: Object) -> bool:
    """Whether an invoice was marked as paid out of band."""
    if invoice["status"] != "paid" or not invoice["amount_due"]:
        return False
    payments = backend.store.having("invoice_payment", "invoice", invoice["id"])
    return not any(payment["status"] == "paid" for payment in payments)


def _share(member: str) -> Any:
    """An invoice's parameter for a share of its payment, which newer versions show in the payment."""
    return lambda backend, invoice: (backend.store.get(INVOICE_SHARES, invoice["id"]) or {}).get(member)


def _tax_amounts(member: str) -> Any:
    """Taxes in the older form."""

    def found(backend: Backend, taxed: Object) -> list[Object]:
        return [
            {
                "amount": tax["amount"],
                "inclusive": tax["tax_behavior"] == "inclusive",
                "tax_rate": (tax.get("tax_rate_details") or {}).get("tax_rate"),
                "taxability_reason": tax["taxability_reason"],
                "taxable_amount": tax["taxable_amount"],
            }
            for tax in taxed.get(member) or ()
        ]

    return found


def _tax_rates(backend: Backend, line: Object) -> list[Object]:
    ids = [(tax.get("tax_rate_details") or {}).get("tax_rate") for tax in line.get("taxes") or ()]
    return [rate for id in ids if id and (rate := backend.store.get("tax_rate", id)) is not None]


def _only_item(member: str) -> Any:
    """A member of the subscription's item, if it has only one."""

    def found(backend: Backend, subscription: Object) -> Any:
        items = subscription["items"]["data"]
        return items[0].get(member) if len(items) == 1 else None

    return found


def _refund(backend: Backend, note: Object) -> str | None:
    return next((each["refund"] for each in note.get("refunds") or ()), None)


def _shipping(backend: Backend, session: Object) -> Object | None:
    found: Object | None = (session.get("collected_information") or {}).get("shipping_details")
    return found


def _first_discount(backend: Backend, owner: Object) -> Object | None:
    first = next(iter(owner.get("discounts") or ()), None)
    return backend.store.get("discount", first) if isinstance(first, str) else first


def _invoice_of(backend: Backend, paid: Object) -> str | None:
    """The invoice that an intent, or the intent of a charge, pays."""
    intent = paid["id"] if paid["object"] == "payment_intent" else paid.get("payment_intent")
    for payment in backend.store.each("invoice_payment"):
        if intent and (payment.get("payment") or {}).get("payment_intent") == intent:
            return str(payment["invoice"])
    return None


def _object(kind: str, *place: str) -> Any:
    """The object of ``kind`` whose id is at a path."""

    def found(backend: Backend, value: Object) -> Any:
        node: Any = value
        for name in place:
            node = node.get(name) if isinstance(node, dict) else None
        return backend.store.get(kind, node) if isinstance(node, str) else node

    return found


def _refunded_or_released(backend: Backend, charge: Object) -> int:
    """What was given back of a charge, and what was authorized and not captured, which counted as refunded."""
    done = charge["captured"] and charge["status"] == "succeeded"
    return int(charge["amount_refunded"]) + (max(0, charge["amount"] - charge["amount_captured"]) if done else 0)


def _why_canceled(backend: Backend, intent: Object) -> str | None:
    reason = intent.get("cancellation_reason")
    return "automatic" if reason == "expired" else reason


def _line_type(backend: Backend, line: Object) -> str:
    parent = line.get("parent") or {}
    return "subscription" if parent.get("type") == "subscription_item_details" else "invoiceitem"


def _of_line(member: str) -> Any:
    """A member of an invoice line's parent, of either type."""

    def found(backend: Backend, line: Object) -> Any:
        parent = line.get("parent") or {}
        details = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
        return details.get(member)

    return found


def _unit_amount(backend: Backend, item: Object) -> int | None:
    exact = (item.get("pricing") or {}).get("unit_amount_decimal")
    return int(exact) if exact and str(exact).lstrip("-").isdecimal() else None


MOVED = (
    Moved(DAHLIA, "checkout.session", "ui_mode", _old_ui_mode, replaces=True),
    Moved(BASIL, "subscription", "current_period_start", "items.data.0.current_period_start"),
    Moved(BASIL, "subscription", "current_period_end", "items.data.0.current_period_end"),
    Moved(BASIL, "subscription", "discount", _first_discount),
    Moved(BASIL, "subscription", "plan", _only_item("plan")),
    Moved(BASIL, "subscription", "quantity", _only_item("quantity")),
    Moved(BASIL, "invoice", "subscription", "parent.subscription_details.subscription", "subscription"),
    Moved(BASIL, "invoice", "subscription_details", "parent.subscription_details"),
    Moved(BASIL, "invoice", "quote", "parent.quote_details.quote", "quote"),
    Moved(BASIL, "invoice", "paid", _paid),
    Moved(BASIL, "invoice", "payment_intent", _payment, "payment_intent"),
    Moved(BASIL, "invoice", "charge", _charge, "charge"),
    Moved(BASIL, "invoice", "tax", _tax),
    Moved(BASIL, "invoice", "discount", _first_discount),
    Moved(BASIL, "invoice", "paid_out_of_band", _paid_elsewhere),
    Moved(BASIL, "invoice", "application_fee_amount", _share("application_fee_amount")),
    Moved(BASIL, "invoice", "transfer_data", _share("transfer_data")),
    Moved(BASIL, "invoice", "total_tax_amounts", _tax_amounts("total_taxes")),
    Moved(BASIL, "line_item", "plan", _object("plan", "pricing", "price_details", "price")),
    Moved(BASIL, "line_item", "tax_amounts", _tax_amounts("taxes")),
    Moved(BASIL, "line_item", "tax_rates", _tax_rates),
    Moved(BASIL, "line_item", "proration_details", _of_line("proration_details")),
    Moved(BASIL, "line_item", "price", _object("price", "pricing", "price_details", "price")),
    Moved(BASIL, "line_item", "type", _line_type),
    Moved(BASIL, "line_item", "invoice_item", _of_line("invoice_item")),
    Moved(BASIL, "line_item", "proration", _of_line("proration")),
    Moved(BASIL, "line_item", "subscription_item", _of_line("subscription_item")),
    Moved(BASIL, "invoiceitem", "price", _object("price", "pricing", "price_details", "price")),
    Moved(BASIL, "invoiceitem", "plan", _object("plan", "pricing", "price_details", "price")),
    Moved(BASIL, "invoiceitem", "unit_amount_decimal", "pricing.unit_amount_decimal"),
    Moved(BASIL, "invoiceitem", "subscription_item", "parent.subscription_details.subscription_item"),
    Moved(BASIL, "credit_note", "refund", _refund, "refund"),
    Moved(BASIL, "credit_note", "tax_amounts", _tax_amounts("total_taxes")),
    Moved(BASIL, "credit_note_line_item", "tax_amounts", _tax_amounts("taxes")),
    Moved(BASIL, "checkout.session", "shipping_details", _shipping),
    Moved(BASIL, "invoiceitem", "subscription", "parent.subscription_details.subscription", "subscription"),
    Moved(BASIL, "invoiceitem", "unit_amount", _unit_amount),
    Moved(BASIL, "charge", "invoice", _invoice_of, "invoice"),
    # https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow
    Moved(BASIL, "charge", "amount_refunded", _refunded_or_released, replaces=True),
    Moved(BASIL, "payment_intent", "cancellation_reason", _why_canceled, replaces=True),
    Moved(BASIL, "payment_intent", "invoice", _invoice_of, "invoice"),
    Moved(CLOVER, "discount", "coupon", _object("coupon", "source", "coupon")),
    Moved(CLOVER, "promotion_code", "coupon", _object("coupon", "promotion", "coupon")),
    Moved("2024-04-10", "product", "features", "marketing_features"),
)
