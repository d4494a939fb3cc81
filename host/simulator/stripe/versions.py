"""The changes in Stripe's API since 2022. https://docs.stripe.com/changelog, https://docs.stripe.com/upgrades

A request of an older version, or without one, may use the older name of a parameter. An answer of an older version has
the older members in addition to the newer ones.
"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import invalid, missing
from host.simulator.context import Backend, Object
from host.simulator.parsing import Tree
from host.simulator.versions import Moved, MovedEndpoint, Renamed, Train

OLDEST = "2022-11-15"
TRAINS = (
    Train("2024-09-30", "acacia"),
    Train("2025-03-31", "basil"),
    Train("2025-09-30", "clover"),
    Train("2026-03-25", "dahlia"),
    Train("2026-09-30", "endive"),
)
_BASIL, _CLOVER, _DAHLIA, _ENDIVE = "2025-03-31", "2025-09-30", "2026-03-25", "2026-09-30"
INVOICE_SHARES = "~invoice_shares"  # by invoice: the parameters that host.simulator.stripe.shares stores
_UI_MODES = {"hosted": "hosted_page", "embedded": "embedded_page", "custom": "elements"}


def _ops(resource: str, *verbs: str) -> frozenset[str]:
    return frozenset(f"{resource}.{verb}" for verb in verbs)


_DISCOUNTED = (
    _ops("subscriptions", "create", "update")
    | _ops("invoices", "create", "update", "create_preview")
    | _ops("quotes", "create", "update")
    | _ops("subscription_schedules", "create", "update")
)
_PAYING = (
    _ops("payment_intents", "create", "update", "confirm")
    | _ops("setup_intents", "create", "update", "confirm")
    | _ops("checkout.sessions", "create")
)


def _duration(iterations: Any, phase: Tree, backend: Backend) -> Tree:
    """A number of iterations of a phase as its ``duration``, by the interval of its price."""
    items = phase.get("items")
    first = next(iter(items.values() if isinstance(items, dict) else items or ()), None)
    price = backend.store.get("price", str((first or {}).get("price") or "")) if isinstance(first, dict) else None
    if isinstance(first, dict) and first.get("price") and price is None:
        raise missing("price", str(first["price"]), "phases[items][price]", 400)
    recurring = (price or {}).get("recurring")
    if not recurring or not str(iterations).isdecimal():
        raise invalid("Invalid phases[iterations]: an integer, of a phase whose price recurs", "phases[iterations]")
    count = int(iterations) * int(recurring["interval_count"])
    return {"interval": recurring["interval"], "interval_count": str(count)}


def _reason(reason: Any, account: Tree, backend: Backend) -> Any:
    return {"fraud": "fraud_other"}.get(reason, reason)


def _ui_mode(mode: Any, session: Tree, backend: Backend) -> Any:
    return _UI_MODES.get(mode, mode)


def _old_ui_mode(backend: Backend, session: Object) -> str | None:
    """The older name of a session's ``ui_mode``, if it has one."""
    mode = session.get("ui_mode")
    return next((old for old, new in _UI_MODES.items() if new == mode), mode)


def _anchor(anchor: Any, around: Tree, backend: Backend) -> Any:
    """An anchor that was a word or a time, and is an object that says which."""
    if not isinstance(anchor, str) or not anchor:
        return anchor
    return {"type": "timestamp", "timestamp": anchor} if anchor.isdecimal() else {"type": anchor}


def _transfer_type(word: Any, transfer: Tree, backend: Backend) -> Any:
    """The type of a bank transfer; Stripe's CLI sends the name of the account's type instead."""
    return "jp_bank_transfer" if word == "jp_bank_account" else word


_TRANSFER = "payment_method_options.customer_balance.bank_transfer.type"
# Parameters of previews about the subscription. https://docs.stripe.com/changelog/basil/2025-03-31/invoice-preview-api-deprecations
_PREVIEWED = (
    "billing_cycle_anchor",
    "cancel_at",
    "cancel_at_period_end",
    "cancel_now",
    "default_tax_rates",
    "items",
    "proration_behavior",
    "proration_date",
    "resume_at",
    "start_date",
    "trial_end",
)
MOVED_ENDPOINTS = (MovedEndpoint(_BASIL, "/v1/invoices/upcoming", "/v1/invoices/create_preview"),)
RENAMED = (
    Renamed(_BASIL, _DISCOUNTED, "coupon", "discounts.0.coupon"),
    Renamed(_BASIL, _DISCOUNTED, "promotion_code", "discounts.0.promotion_code"),
    *(Renamed(_BASIL, _ops("customers", "create", "update"), name, "") for name in ("coupon", "promotion_code")),
    Renamed(_BASIL, _ops("invoice_items", "create", "update"), "price", "pricing.price"),
    Renamed(_BASIL, _ops("invoice_items", "create", "update"), "unit_amount", "unit_amount_decimal"),
    Renamed(
        _CLOVER,
        _ops("promotion_codes", "create"),
        "coupon",
        "promotion.coupon",
        {"promotion.type": "coupon"},
    ),
    Renamed(
        _CLOVER,
        _ops("subscription_schedules", "create", "update"),
        "phases.*.iterations",
        "phases.*.duration",
        {},
        _duration,
    ),
    *(
        Renamed(_BASIL, _ops("invoices", "create_preview"), f"subscription_{name}", f"subscription_details.{name}")
        for name in _PREVIEWED
    ),
    Renamed("2024-04-10", _ops("products", "create", "update"), "features", "marketing_features"),
    Renamed(_DAHLIA, _ops("checkout.sessions", "create"), "ui_mode", "ui_mode", {}, _ui_mode),
    Renamed(
        _ENDIVE,
        _ops("subscriptions", "update", "resume"),
        "billing_cycle_anchor",
        "billing_cycle_anchor",
        {},
        _anchor,
    ),
    Renamed(
        _ENDIVE,
        _ops("invoices", "create_preview"),
        "subscription_details.billing_cycle_anchor",
        "subscription_details.billing_cycle_anchor",
        {},
        _anchor,
    ),
    Renamed(_ENDIVE, _ops("accounts", "reject"), "reason", "reason", {}, _reason),
    Renamed(_ENDIVE, _ops("payment_intents", "create", "update", "confirm"), _TRANSFER, _TRANSFER, {}, _transfer_type),
    Renamed(_ENDIVE, _PAYING, "payment_method_types", "allowed_payment_method_types"),
)


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
    Moved(_DAHLIA, "checkout.session", "ui_mode", _old_ui_mode, replaces=True),
    Moved(_BASIL, "subscription", "current_period_start", "items.data.0.current_period_start"),
    Moved(_BASIL, "subscription", "current_period_end", "items.data.0.current_period_end"),
    Moved(_BASIL, "subscription", "discount", _first_discount),
    Moved(_BASIL, "subscription", "plan", _only_item("plan")),
    Moved(_BASIL, "subscription", "quantity", _only_item("quantity")),
    Moved(_BASIL, "invoice", "subscription", "parent.subscription_details.subscription", "subscription"),
    Moved(_BASIL, "invoice", "subscription_details", "parent.subscription_details"),
    Moved(_BASIL, "invoice", "quote", "parent.quote_details.quote", "quote"),
    Moved(_BASIL, "invoice", "paid", _paid),
    Moved(_BASIL, "invoice", "payment_intent", _payment, "payment_intent"),
    Moved(_BASIL, "invoice", "charge", _charge, "charge"),
    Moved(_BASIL, "invoice", "tax", _tax),
    Moved(_BASIL, "invoice", "discount", _first_discount),
    Moved(_BASIL, "invoice", "paid_out_of_band", _paid_elsewhere),
    Moved(_BASIL, "invoice", "application_fee_amount", _share("application_fee_amount")),
    Moved(_BASIL, "invoice", "transfer_data", _share("transfer_data")),
    Moved(_BASIL, "invoice", "total_tax_amounts", _tax_amounts("total_taxes")),
    Moved(_BASIL, "line_item", "plan", _object("plan", "pricing", "price_details", "price")),
    Moved(_BASIL, "line_item", "tax_amounts", _tax_amounts("taxes")),
    Moved(_BASIL, "line_item", "tax_rates", _tax_rates),
    Moved(_BASIL, "line_item", "proration_details", _of_line("proration_details")),
    Moved(_BASIL, "line_item", "price", _object("price", "pricing", "price_details", "price")),
    Moved(_BASIL, "line_item", "type", _line_type),
    Moved(_BASIL, "line_item", "invoice_item", _of_line("invoice_item")),
    Moved(_BASIL, "line_item", "proration", _of_line("proration")),
    Moved(_BASIL, "line_item", "subscription_item", _of_line("subscription_item")),
    Moved(_BASIL, "invoiceitem", "price", _object("price", "pricing", "price_details", "price")),
    Moved(_BASIL, "invoiceitem", "plan", _object("plan", "pricing", "price_details", "price")),
    Moved(_BASIL, "invoiceitem", "unit_amount_decimal", "pricing.unit_amount_decimal"),
    Moved(_BASIL, "invoiceitem", "subscription_item", "parent.subscription_details.subscription_item"),
    Moved(_BASIL, "credit_note", "refund", _refund, "refund"),
    Moved(_BASIL, "credit_note", "tax_amounts", _tax_amounts("total_taxes")),
    Moved(_BASIL, "credit_note_line_item", "tax_amounts", _tax_amounts("taxes")),
    Moved(_BASIL, "checkout.session", "shipping_details", _shipping),
    Moved(_BASIL, "invoiceitem", "subscription", "parent.subscription_details.subscription", "subscription"),
    Moved(_BASIL, "invoiceitem", "unit_amount", _unit_amount),
    Moved(_BASIL, "charge", "invoice", _invoice_of, "invoice"),
    # https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow
    Moved(_BASIL, "charge", "amount_refunded", _refunded_or_released, replaces=True),
    Moved(_BASIL, "payment_intent", "cancellation_reason", _why_canceled, replaces=True),
    Moved(_BASIL, "payment_intent", "invoice", _invoice_of, "invoice"),
    Moved(_CLOVER, "discount", "coupon", _object("coupon", "source", "coupon")),
    Moved(_CLOVER, "promotion_code", "coupon", _object("coupon", "promotion", "coupon")),
    Moved("2024-04-10", "product", "features", "marketing_features"),
)
