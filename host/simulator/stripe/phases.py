"""Phases of subscription schedules: their dates, items, and what they set of the subscription."""

from __future__ import annotations

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.catalogue import price_from
from host.simulator.stripe.periods import later
from host.simulator.stripe.subscription_items import AGREED
from host.simulator.stripe.taxes import rates

MOST_PHASES = 10  # current and future: https://docs.stripe.com/billing/subscriptions/subscription-schedules
_OF_PHASE = ("collection_method", "default_payment_method", "description", "invoice_settings", "metadata")
_UNMODELLED = ("application_fee_percent", "billing_thresholds", "on_behalf_of", "transfer_data")


def dated(call: RequestContext, given: list[Object], start: int) -> list[Object]:
    """The phases with their dates, each beginning where the one before it ends."""
    if len(given) > MOST_PHASES:
        raise invalid(f"A schedule can have at most {MOST_PHASES} current and future phases.", "phases")
    made = []
    for n, wanted in enumerate(given):
        path = f"phases[{n}]"
        refuse(call, wanted, path)
        if wanted.get("start_date") not in (None, "now", start):
            raise invalid(
                "The phases must be contiguous: each starts when the one before it ends.", f"{path}[start_date]"
            )
        items = [_item(call, item, f"{path}[items][{m}]") for m, item in enumerate(wanted["items"])]
        until = _end(call, wanted, start, items, path, last=n == len(given) - 1)
        made.append(phase_of(call, wanted, items, start, until, path))
        start = until
    return made


def _item(call: RequestContext, wanted: Object, path: str) -> Object:
    for name in ("billing_thresholds", "discounts"):
        if wanted.get(name):
            call.not_modelled(f"the parameter {path}[{name}]", "", f"{path}[{name}]")
    price = price_from(call, wanted, path)
    if price["type"] != "recurring":
        raise invalid("The price specified must be recurring.", f"{path}[price]")
    metered = price["recurring"]["usage_type"] == "metered"
    item: Object = {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": wanted.get("metadata") or {},
        "plan": price["id"],
        "price": price["id"],
        "tax_rates": rates(call, wanted.get("tax_rates"), f"{path}[tax_rates]"),
    }
    if not metered:
        item["quantity"] = wanted.get("quantity", 1)
    return item


def _end(call: RequestContext, wanted: Object, start: int, items: list[Object], path: str, *, last: bool) -> int:
    duration, until = wanted.get("duration"), wanted.get("end_date")
    if duration and until:
        raise invalid("You cannot set both duration and end_date.", f"{path}[end_date]")
    if duration:
        return later(start, duration["interval"], duration.get("interval_count") or 1)
    if until is not None:
        until = call.now if until == "now" else int(until)
        if until <= start:
            raise invalid("A phase must end after it starts.", f"{path}[end_date]")
        return until
    if not last:
        raise invalid("Only the last phase may be without duration and end_date.", f"{path}[end_date]")
    every = call.load("price", items[0]["price"])["recurring"]
    return later(start, every["interval"], every["interval_count"])


def phase_of(call: RequestContext, wanted: Object, items: list[Object], start: int, until: int, path: str) -> Object:
    """A phase as the API shows it."""
    if wanted.get("add_invoice_items"):
        call.not_modelled(f"the parameter {path}[add_invoice_items]", "", f"{path}[add_invoice_items]")
    trial = wanted.get("trial_end")
    if wanted.get("trial"):
        trial = until
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "automatic_tax": None,
        "billing_cycle_anchor": wanted.get("billing_cycle_anchor"),
        "billing_thresholds": None,
        "collection_method": wanted.get("collection_method"),
        "currency": wanted.get("currency") or call.load("price", items[0]["price"])["currency"],
        "default_payment_method": wanted.get("default_payment_method"),
        "default_tax_rates": rates(call, wanted.get("default_tax_rates"), f"{path}[default_tax_rates]"),
        "description": wanted.get("description"),
        "discounts": [
            {"coupon": None, "discount": None, "promotion_code": None, **d} for d in wanted.get("discounts") or []
        ],
        "end_date": until,
        "invoice_settings": wanted.get("invoice_settings"),
        "items": items,
        "metadata": wanted.get("metadata") or {},
        "on_behalf_of": None,
        "proration_behavior": wanted.get("proration_behavior") or "create_prorations",
        "start_date": start,
        "transfer_data": None,
        "trial_end": trial,
    }


def settings_of(schedule: Object, phase: Object) -> Object:
    """What a phase sets of its subscription, as parameters."""
    defaults = schedule["default_settings"]
    found: Object = {"metadata": phase["metadata"]}
    for name in _OF_PHASE:
        value = phase.get(name) or defaults.get(name)
        if value:
            found[name] = value
    invoice = found.pop("invoice_settings", None) or {}
    if found.get("collection_method") == "send_invoice":
        found["days_until_due"] = invoice.get("days_until_due")
    shown = {
        n: v for n, v in invoice.items() if n in ("account_tax_ids", "custom_fields", "description", "footer") and v
    }
    if shown:
        found["invoice_settings"] = shown
    if phase["default_tax_rates"]:
        found["default_tax_rates"] = [rate["id"] for rate in phase["default_tax_rates"]]
    found["discounts"] = [{n: v for n, v in d.items() if v} for d in phase["discounts"]]
    return found


def items_of(phase: Object) -> list[Object]:
    """The items of a phase, as parameters."""
    return [
        {
            **{name: item[name] for name in ("price", "quantity") if name in item},
            AGREED: True,
            "metadata": item["metadata"],
            "tax_rates": [rate["id"] for rate in item["tax_rates"]],
        }
        for item in phase["items"]
    ]


def of_item(item: Object) -> Object:
    """A subscription's item, as a phase shows it."""
    found: Object = {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": dict(item["metadata"]),
        "plan": item["price"]["id"],
        "price": item["price"]["id"],
        "tax_rates": list(item.get("tax_rates") or []),
    }
    if "quantity" in item:
        found["quantity"] = item["quantity"]
    return found


def refuse(call: RequestContext, given: Object, path: str) -> None:
    """Refuse what is not modelled, of a phase or of the defaults."""
    for name in _UNMODELLED:
        if given.get(name):
            call.not_modelled(f"the parameter {path}[{name}]", "", f"{path}[{name}]")
    if (given.get("automatic_tax") or {}).get("enabled"):
        call.not_modelled("automatic tax", "Tax rates are.", f"{path}[automatic_tax]")
    if given.get("billing_cycle_anchor") == "phase_start":
        call.not_modelled("billing_cycle_anchor=phase_start", "automatic is.", f"{path}[billing_cycle_anchor]")
