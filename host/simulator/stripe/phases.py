"""Phases of subscription schedules: their dates and items, and what they set in the subscription."""

from __future__ import annotations

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import discounts
from host.simulator.stripe.catalogue import price_from
from host.simulator.stripe.parties import check_parties
from host.simulator.stripe.periods import later
from host.simulator.stripe.subscription_items import AGREED
from host.simulator.stripe.taxes import rates

MOST_INTERVALS = 1095  # the days of three years
MOST_PHASES = 10  # current and future: https://docs.stripe.com/billing/subscriptions/subscription-schedules
_OF_PHASE = (
    "application_fee_percent",
    "collection_method",
    "default_payment_method",
    "description",
    "invoice_settings",
    "metadata",
    "on_behalf_of",
    "transfer_data",
)
_UNMODELLED = ("billing_thresholds",)


def dated(call: RequestContext, given: list[Object], start: int) -> list[Object]:
    """The phases with their dates; each begins when the one before it ends, and the first at ``start``."""
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
    if wanted.get("billing_thresholds"):
        call.not_modelled(f"the parameter {path}[billing_thresholds]", "", f"{path}[billing_thresholds]")
    price = price_from(call, wanted, path)
    if price["type"] != "recurring":
        raise invalid("The price specified must be recurring.", f"{path}[price]")
    metered = price["recurring"]["usage_type"] == "metered"
    item: Object = {
        "billing_thresholds": None,
        "discounts": _discounts(call, wanted.get("discounts"), f"{path}[discounts]"),
        "metadata": wanted.get("metadata") or {},
        "plan": price["id"],
        "price": price["id"],
        "tax_rates": rates(call, wanted.get("tax_rates"), f"{path}[tax_rates]"),
    }
    if not metered:
        item["quantity"] = wanted.get("quantity", 1)
    return item


def _discounts(call: RequestContext, wanted: list[Object] | None, path: str) -> list[Object]:
    """Discounts as phases show them; coupons are redeemed when the phase begins."""
    discounts.wanted(call, wanted, discounts.Use(None, None), path)
    return [{"coupon": None, "discount": None, "promotion_code": None, **entry} for entry in wanted or []]


def _extra(call: RequestContext, wanted: Object, path: str) -> Object:
    """An entry of ``add_invoice_items``, which is billed when the phase begins."""
    price = price_from(call, wanted, path)
    if price["type"] == "recurring":
        raise invalid("The price specified must be of `type=one_time`.", f"{path}[price]")
    return {
        "discounts": _discounts(call, wanted.get("discounts"), f"{path}[discounts]"),
        "metadata": wanted.get("metadata") or {},
        "period": {**_PERIOD, **(wanted.get("period") or {})},
        "price": price["id"],
        "quantity": wanted.get("quantity", 1),
        "tax_rates": rates(call, wanted.get("tax_rates"), f"{path}[tax_rates]"),
    }


_PERIOD = {"start": {"type": "max_item_period_start"}, "end": {"type": "min_item_period_end"}}


def _dated(phase: Object, period: Object) -> Object:
    """The period of an extra as a parameter of a subscription, which knows no phases."""
    ends = {"phase_start": phase["start_date"], "phase_end": phase["end_date"]}
    found = {name: {n: v for n, v in edge.items() if v is not None} for name, edge in period.items()}
    for edge in found.values():
        if edge["type"] in ends:
            edge.update(type="timestamp", timestamp=ends[edge["type"]])
    return found


def extras_of(phase: Object) -> list[Object]:
    """What a phase adds to its first invoice, as ``add_invoice_items``."""
    return [
        {
            "period": _dated(phase, extra["period"]),
            **{name: extra[name] for name in ("metadata", "price", "quantity")},
            "discounts": _asked(extra["discounts"]),
            "tax_rates": [rate["id"] for rate in extra["tax_rates"]],
        }
        for extra in phase["add_invoice_items"]
    ]


def _asked(shown: list[Object]) -> list[Object]:
    return [{name: value for name, value in entry.items() if value} for entry in shown]


def _end(call: RequestContext, wanted: Object, start: int, items: list[Object], path: str, *, last: bool) -> int:
    duration, until = wanted.get("duration"), wanted.get("end_date")
    if duration and until:
        raise invalid("You cannot set both duration and end_date.", f"{path}[end_date]")
    if duration:
        count = duration.get("interval_count")
        count = 1 if count is None else count
        if not 1 <= count <= MOST_INTERVALS:
            at = f"{path}[duration][interval_count]"
            raise invalid(f"This value must be from 1 to {MOST_INTERVALS}.", at, "parameter_invalid_integer")
        return later(start, duration["interval"], count)
    if until is not None:
        until = call.now if until == "now" else int(until)
        if until <= start:
            raise invalid("A phase must end after it starts.", f"{path}[end_date]")
        return until
    if not last:
        raise invalid("Only the last phase may be without duration and end_date.", f"{path}[end_date]")
    every, *others = [call.load("price", item["price"])["recurring"] for item in items]
    if any(other["interval"] != every["interval"] for other in others):
        call.not_modelled("the end of a phase with several intervals", "duration and end_date are.", path)
    return later(start, every["interval"], every["interval_count"])


def phase_of(call: RequestContext, wanted: Object, items: list[Object], start: int, until: int, path: str) -> Object:
    """A phase as the API shows it, from its parameters ``wanted``, which are in ``path``."""
    check_parties(call, wanted, path=path)
    trial = wanted.get("trial_end")
    if wanted.get("trial"):
        trial = until
    return {
        "add_invoice_items": [
            _extra(call, extra, f"{path}[add_invoice_items][{n}]")
            for n, extra in enumerate(wanted.get("add_invoice_items") or [])
        ],
        "application_fee_percent": wanted.get("application_fee_percent"),
        "automatic_tax": None,
        "billing_cycle_anchor": wanted.get("billing_cycle_anchor"),
        "billing_thresholds": None,
        "collection_method": wanted.get("collection_method"),
        "currency": wanted.get("currency") or call.load("price", items[0]["price"])["currency"],
        "default_payment_method": wanted.get("default_payment_method"),
        "default_tax_rates": rates(call, wanted.get("default_tax_rates"), f"{path}[default_tax_rates]"),
        "description": wanted.get("description"),
        "discounts": _discounts(call, wanted.get("discounts"), f"{path}[discounts]"),
        "end_date": until,
        "invoice_settings": wanted.get("invoice_settings"),
        "items": items,
        "metadata": wanted.get("metadata") or {},
        "on_behalf_of": wanted.get("on_behalf_of"),
        "proration_behavior": wanted.get("proration_behavior") or "create_prorations",
        "start_date": start,
        "transfer_data": wanted.get("transfer_data"),
        "trial_end": trial,
    }


def settings_of(schedule: Object, phase: Object) -> Object:
    """What a phase sets in its subscription, as parameters."""
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
    found["discounts"] = _asked(phase["discounts"])
    return found


def subscription_params(params: Object) -> dict[str, str]:
    """Where a new schedule's parameters have those of its subscription, by their names: in the first phase, or in the
    defaults of all.
    """
    first = (params.get("phases") or [{}])[0]
    names = {name: f"phases[0][{name}]" for name in ("items", "add_invoice_items", "default_tax_rates", "discounts")}
    for name in {*_OF_PHASE} - {"metadata"}:
        names[name] = f"phases[0][{name}]" if first.get(name) else f"default_settings[{name}]"
    return {**names, "days_until_due": f"{names['invoice_settings']}[days_until_due]"}


def items_of(phase: Object) -> list[Object]:
    """The items of a phase, as parameters."""
    return [
        {
            **{name: item[name] for name in ("price", "quantity") if name in item},
            AGREED: True,
            "discounts": _asked(item["discounts"]),
            "metadata": item["metadata"],
            "tax_rates": [rate["id"] for rate in item["tax_rates"]],
        }
        for item in phase["items"]
    ]


def of_item(item: Object) -> Object:
    """A subscription item, as a phase shows it."""
    found: Object = {
        "billing_thresholds": None,
        "discounts": [{"coupon": None, "discount": id, "promotion_code": None} for id in item["discounts"]],
        "metadata": dict(item["metadata"]),
        "plan": item["price"]["id"],
        "price": item["price"]["id"],
        "tax_rates": list(item.get("tax_rates") or []),
    }
    if "quantity" in item:
        found["quantity"] = item["quantity"]
    return found


def refuse(call: RequestContext, given: Object, path: str) -> None:
    """Refuse parameters of a phase, or of the default settings, that are not modelled."""
    for name in _UNMODELLED:
        if given.get(name):
            call.not_modelled(f"the parameter {path}[{name}]", "", f"{path}[{name}]")
    if (given.get("automatic_tax") or {}).get("enabled"):
        call.not_modelled("automatic tax", "Tax rates are.", f"{path}[automatic_tax]")
