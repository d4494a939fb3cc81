"""The billing mode of subscriptions: classic or flexible.

https://docs.stripe.com/billing/subscriptions/billing-mode/compare
"""

from __future__ import annotations

from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext


def is_flexible(subscription: Object) -> bool:
    """Whether a subscription is in flexible billing mode."""
    return bool((subscription.get("billing_mode") or {}).get("type") == "flexible")


def migrate(call: RequestContext) -> Object:
    """Change a subscription from classic to flexible billing, for good.

    https://docs.stripe.com/api/subscriptions/migrate
    """
    subscription = call.subject()
    if is_flexible(subscription):
        raise call.refuse("This subscription is in flexible billing mode already.", param="billing_mode")
    _switch(call, subscription, call.params["billing_mode"], "billing_mode")
    return call.save("subscription", subscription)


def try_switch(call: RequestContext, subscription: Object, mode: Object) -> None:
    """Have a preview bill as if the subscription had the mode, which it has or can be migrated to."""
    if mode["type"] != (subscription.get("billing_mode") or {}).get("type"):
        _switch(call, subscription, mode, "subscription_details[billing_mode]")


def _switch(call: RequestContext, subscription: Object, mode: Object, path: str) -> None:
    if mode["type"] != "flexible":
        raise invalid("A subscription can only be migrated to flexible billing.", f"{path}[type]")
    if (mode.get("flexible") or {}).get("proration_discounts") == "itemized":
        at = f"{path}[flexible][proration_discounts]"
        call.not_modelled("itemized discounts of prorations", "included ones are.", at)
    subscription["billing_mode"] = {"flexible": mode.get("flexible"), "type": "flexible", "updated_at": call.now}


BEHAVIOURS = {"subscriptions.migrate": migrate}
