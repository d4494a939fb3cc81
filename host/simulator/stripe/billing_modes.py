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
    """Change a subscription from classic to flexible billing. https://docs.stripe.com/api/subscriptions/migrate"""
    subscription, mode = call.subject(), call.params["billing_mode"]
    if mode["type"] != "flexible":
        raise invalid("A subscription can only be migrated to flexible billing.", "billing_mode[type]")
    if is_flexible(subscription):
        raise call.refuse("This subscription is in flexible billing mode already.", param="billing_mode")
    if (mode.get("flexible") or {}).get("proration_discounts") == "itemized":
        at = "billing_mode[flexible][proration_discounts]"
        call.not_modelled("itemized discounts of prorations", "included ones are.", at)
    subscription["billing_mode"] = {"flexible": mode.get("flexible"), "type": "flexible", "updated_at": call.now}
    return call.save("subscription", subscription)


BEHAVIOURS = {"subscriptions.migrate": migrate}
