"""Creating subscriptions. https://docs.stripe.com/billing/subscriptions/overview"""

from __future__ import annotations

from host.simulator.api_error import invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import (
    backdating,
    billing,
    clock_steps,
    customer_balances,
    discounts,
    limits,
    pending_intervals,
)
from host.simulator.stripe.billing_modes import is_flexible
from host.simulator.stripe.extras import add_extras
from host.simulator.stripe.money import check_currency
from host.simulator.stripe.parties import check_parties
from host.simulator.stripe.payment_attempts import need_method, pay_now
from host.simulator.stripe.payment_methods import own_method
from host.simulator.stripe.pricing import amount_of
from host.simulator.stripe.subscription_items import check_intervals, check_items, new_item, price_of, set_items
from host.simulator.stripe.subscription_periods import set_periods, set_trial
from host.simulator.stripe.subscription_statuses import ENDED
from host.simulator.stripe.taxes import check_automatic, rates

# Parameters that are members as they are given.
PLAIN = (
    "application_fee_percent",
    "billing_mode",
    "collection_method",
    "days_until_due",
    "default_source",
    "description",
    "invoice_settings",
    "metadata",
    "on_behalf_of",
    "payment_settings",
    "transfer_data",
    "trial_settings",
)
UNMODELLED = (
    "billing_schedules",
    "billing_thresholds",
)
_INSTEAD = {"billing_thresholds": "Alerts of usage (/v1/billing/alerts) are modelled."}


def create_subscription(call: RequestContext) -> Object:
    """Create a subscription, which is trialing, active, or incomplete if its first invoice is not paid."""
    check_currency(call)
    for name in ("customer", "items"):
        if not call.params.get(name):
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    return start(call, call.params)


def start(call: RequestContext, params: Object, schedule: str | None = None) -> Object:
    """Create a subscription, with its first invoice, from parameters of ``subscriptions.create``."""
    customer = call.load("customer", params["customer"], "customer", 400)
    if schedule is None:  # whose phase begins whatever there is by then
        clock_steps.check_subscriptions(call, customer)
    check_unmodelled(call, params)
    backdated = backdating.start_of(call, params)
    subscription = call.blank("subscription")
    subscription.update(
        billing_cycle_anchor=call.now,
        cancellation_details={**_NO_DETAILS},
        customer=customer["id"],
        discounts=[],
        default_tax_rates=[],
        latest_invoice=None,
        metadata={},
        schedule=schedule,
        start_date=call.now if backdated is None else backdated,
        status="active",
        test_clock=customer.get("test_clock"),
        trial_start=None,
        trial_end=None,
    )
    set_plain(call, subscription, params)
    check_collection(subscription, params)
    items = [new_item(call, subscription, item, f"items[{n}]") for n, item in enumerate(params["items"])]
    subscription["currency"] = check_items(items, params.get("currency"))
    check_intervals(call, subscription, items)
    set_items(subscription, items)
    take_currency(call, customer, subscription["currency"])
    set_trial(call, subscription, params)
    short = set_periods(call, subscription, params)
    set_discounts(call, subscription, params)
    set_end(call, subscription, params)
    pending_intervals.set_interval(call, subscription, params)
    if backdated is not None:
        backdating.check(call, subscription)
    call.save("subscription", subscription)
    invoice = _first_invoice(call, subscription, params, short=short)
    if invoice is not None and schedule is not None:
        billing.wait(call, invoice)  # https://docs.stripe.com/billing/subscriptions/subscription-schedules: a draft
    elif invoice is not None:
        _pay(call, subscription, invoice, params)
    return subscription


def check_unmodelled(call: RequestContext, params: Object) -> None:
    """Refuse parameters beyond their limits, and those that the answer would show without having their effect."""
    limits.check(params)
    check_automatic(call, params)
    for name in UNMODELLED:
        if params.get(name):
            call.not_modelled(f"the parameter {name}", _INSTEAD.get(name, ""), name)
    flexible = (params.get("billing_mode") or {}).get("flexible") or {}
    if flexible.get("proration_discounts") == "itemized":
        call.not_modelled("itemized discounts of prorations", "", "billing_mode[flexible][proration_discounts]")


def set_plain(call: RequestContext, subscription: Object, params: Object) -> None:
    """Set the parameters that are members as they are given, and those that name other objects."""
    check_parties(call, params, subscription["customer"])
    template = call.backend.factory.template("subscription")
    call.backend.factory.put(template.schema, subscription, {n: v for n, v in params.items() if n in PLAIN})
    if "default_tax_rates" in params:
        subscription["default_tax_rates"] = rates(call, params["default_tax_rates"], "default_tax_rates")
    if "default_payment_method" in params:
        given = params["default_payment_method"]
        method = own_method(call, str(given), subscription["customer"]) if given else None
        subscription["default_payment_method"] = method


def check_collection(subscription: Object, params: Object) -> None:
    """Check that ``days_until_due`` is given if, and only if, invoices are sent."""
    sent = subscription["collection_method"] == "send_invoice"
    if sent and subscription.get("days_until_due") is None:
        raise invalid(
            "If you set collection_method=send_invoice, you must also set days_until_due.",
            "days_until_due",
            "parameter_missing",
        )
    if not sent and params.get("days_until_due") is not None:
        raise invalid("You can only set days_until_due where collection_method=send_invoice.", "days_until_due")
    if not sent:
        subscription["days_until_due"] = None


def take_currency(call: RequestContext, customer: Object, currency: str) -> None:
    """Set the customer's currency. Refuse another one while a subscription, item or balance has the present one.

    https://docs.stripe.com/invoicing/multi-currency-customers
    """
    before = customer.get("currency")
    if before and before != currency and _in_use(call, customer, currency):
        raise invalid(
            "You cannot combine currencies on a single customer. This customer has an active subscription, "
            f"subscription schedule, discount, quote, or invoice item with currency {before}",
        )
    if before != currency:
        found = call.load("customer", customer["id"])
        customer_balances.switch(call, found, currency)
        call.save("customer", found)


def first_currency(call: RequestContext, customer: Object, currency: str) -> None:
    """What is billed once gives a customer a currency who has none; it may be in any other."""
    if not customer.get("currency"):
        take_currency(call, customer, currency)


def _in_use(call: RequestContext, customer: Object, wanted: str) -> bool:
    """Whether something in another currency than the wanted one keeps the customer from having that."""
    store, id = call.backend.store, customer["id"]
    living = any(
        s["currency"] != wanted and s["status"] not in ENDED for s in store.having("subscription", "customer", id)
    )
    return living or any(
        i["currency"] != wanted and i["invoice"] is None for i in store.having("invoiceitem", "customer", id)
    )


def set_discounts(call: RequestContext, subscription: Object, params: Object) -> None:
    """Replace the subscription's discounts by those in the parameters."""
    if "discounts" not in params:
        return
    before = set(subscription["discounts"])
    amount = sum(
        amount_of(price_of(call, subscription, item), item.get("quantity") or 0)
        for item in subscription["items"]["data"]
    )
    owner = {"subscription": subscription["id"], "customer": subscription["customer"]}
    use = discounts.Use(subscription["customer"], subscription["currency"], amount)
    kept = discounts.make(call, params["discounts"], use, owner)
    for id in kept:
        if id not in before and (call.load("discount", id)["subscription"] != subscription["id"]):
            raise invalid(f"The discount {id} is not one of this subscription.", "discounts")
    subscription["discounts"] = kept


def set_end(call: RequestContext, subscription: Object, params: Object) -> None:
    """Set or unset the end of a subscription, by ``cancel_at_period_end`` or ``cancel_at``."""
    at, at_end = params.get("cancel_at"), params.get("cancel_at_period_end")
    if at and at_end:
        raise invalid("You cannot set both cancel_at and cancel_at_period_end.", "cancel_at")
    if subscription.get("schedule") and ("cancel_at" in params or at_end is not None):
        raise invalid(
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and updating any "
            "cancelation behavior directly is not allowed. Please update the schedule instead.",
        )
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    if at_end and len(set(ends)) > 1:
        call.not_modelled(
            "cancel_at_period_end of a subscription with several periods",
            "cancel_at=min_period_end and cancel_at=max_period_end are.",
            "cancel_at_period_end",
        )
    if isinstance(at, str) and at:
        at = min(ends) if at == "min_period_end" else max(ends)
    if at_end:
        at = max(ends)
    if at:
        if at <= call.now:
            raise invalid("cancel_at must be a Unix timestamp in the future.", "cancel_at")
        details = {
            **_NO_DETAILS,
            **(subscription.get("cancellation_details") or {}),
            "reason": "cancellation_requested",
        }
        subscription.update(cancel_at=at, cancel_at_period_end=bool(at_end), canceled_at=call.now)
        if not is_flexible(subscription) and (subscription["trial_end"] or 0) > at:
            subscription["trial_end"] = at
        subscription["cancellation_details"] = details
    elif "cancel_at" in params or at_end is False:
        subscription.update(cancel_at=None, cancel_at_period_end=False, canceled_at=None)
        subscription["cancellation_details"] = {**_NO_DETAILS}


_NO_DETAILS = {"comment": None, "feedback": None, "feedback_option": None, "reason": None}


def _first_invoice(call: RequestContext, subscription: Object, params: Object, *, short: bool) -> Object | None:
    invoice = billing.draft_of(call, subscription, "subscription_create")
    billing.take_pending(call, invoice, subscription["id"])
    in_full, flexible = params.get("proration_behavior") == "none", is_flexible(subscription)
    if in_full:
        call.backend.store.put(billing.FREE_START, subscription["id"], {"at": call.now})
    for item in reversed(subscription["items"]["data"]):
        if params.get(backdating.PARAM) is not None and not in_full:
            backdating.add_lines(call, invoice, subscription, item, subscription["start_date"])
        elif not (in_full and short) and not (flexible and item["price"]["recurring"]["usage_type"] == "metered"):
            billing.period_line(call, invoice, subscription, item, in_full=in_full and flexible)
    add_extras(call, invoice, subscription, params.get("add_invoice_items"))
    if not invoice["lines"]["data"]:
        call.save("subscription", subscription)
        return None
    return billing.keep(call, subscription, invoice)


def _pay(call: RequestContext, subscription: Object, invoice: Object, params: Object) -> None:
    behaviour = params.get("payment_behavior") or "allow_incomplete"
    if behaviour == "pending_if_incomplete":
        raise invalid("payment_behavior=pending_if_incomplete is for updates only.", "payment_behavior")
    need_method(call, subscription, invoice, behaviour)
    pay_now(call, subscription, invoice, behaviour, off_session=bool(params.get("off_session")))


def living(call: RequestContext) -> Object:
    """The subscription that the path names, which must not have ended."""
    subscription = call.subject()
    if subscription["status"] in ENDED:
        raise call.refuse("A canceled subscription can only update its cancellation_details and metadata.")
    return subscription


def delete_discount(call: RequestContext) -> Object:
    """Remove the discounts of a subscription; returns the last one."""
    subscription = call.load("subscription", call.path_args["subscription_exposed_id"], "subscription")
    if not subscription["discounts"]:
        raise call.refuse("No active discount for subscription: " + str(subscription["id"]), status=404)
    removed = [call.load("discount", id) for id in subscription["discounts"]]
    for discount in removed:
        call.save("discount", {"id": discount["id"], "object": "discount", "deleted": True}, deleted=True)
    call.save("subscription", {**subscription, "discounts": []})
    return {**removed[-1], "deleted": True}


def find_living(call: RequestContext, id: str) -> Object:
    """The subscription that a parameter names, which must not have ended."""
    subscription = call.load("subscription", id, "subscription", 400)
    if subscription["status"] in ENDED:
        raise missing("subscription", id, "subscription", 400)
    return subscription


BEHAVIOURS = {
    "subscriptions.create": create_subscription,
    "subscriptions.delete_discount": delete_discount,
}
EFFECTS = {
    "subscriptions.create": {
        "add_invoice_items",
        "backdate_start_date",
        "billing_cycle_anchor",
        "cancel_at",
        "currency",
        "discounts",
        "items.discounts",
        "items.plan",
        "items.price",
        "items.price_data",
        "items.tax_rates",
        "default_tax_rates",
        "default_payment_method",
        "off_session",
        "payment_behavior",
        "proration_behavior",
        "trial_end",
        "trial_from_plan",
        "trial_period_days",
    }
}
MAKES = {"discount", "invoice", "invoiceitem", "setup_intent", "subscription_item"}
