"""Additional methods of Stripe builders that set parameters under another name or in another form."""

from __future__ import annotations

from host.apis.facts import Method

_COUPON = Method(kind="append", param="discounts", fields=("coupon",))
_ADD_PRICE = Method(kind="append", param="items", fields=("price", "quantity"))
_ADD_LINE = Method(kind="append", param="line_items", fields=("price", "quantity"))

SUGAR: dict[str, dict[str, Method]] = {
    "price": {
        "amount": Method(kind="set", param="unit_amount", code="i"),
        "recurring": Method(kind="set", param="recurring", fields=("interval",)),
    },
    "subscription": {
        "add_price": _ADD_PRICE,
        "trial_days": Method(kind="set", param="trial_period_days", code="i"),
        "coupon": _COUPON,
    },
    "checkout_session": {"add_price": _ADD_LINE, "coupon": _COUPON},
    "payment_link": {"add_price": _ADD_LINE},
    "invoice": {"coupon": _COUPON},
}
