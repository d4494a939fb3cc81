"""Short-lived addresses and secrets that pages and clients of a customer or a shop are opened with."""

from __future__ import annotations

from host.simulator import resources
from host.simulator.context import Object, RequestContext

HALF_HOUR = 1800
_FEATURES: Object = {  # of the configuration an account has before it makes one of its own
    "customer_update": {"allowed_updates": ["email", "tax_id"], "enabled": True},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "options": []},
        "enabled": True,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "products": [],
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}


def _customer(call: RequestContext) -> str:
    id = call.params.get("customer")
    if id is None:
        raise call.refuse("Missing required param: customer.", code="parameter_missing", param="customer")
    return str(call.load("customer", id, "customer", 400)["id"])


def create_portal_session(call: RequestContext) -> Object:
    """The address of a customer's portal. https://docs.stripe.com/api/customer_portal/sessions"""
    customer = _customer(call)
    session = call.put(resources.fresh(call), call.params)
    configuration = call.params.get("configuration")
    found = call.load("billing_portal.configuration", configuration, "configuration", 400) if configuration else None
    session.update(
        customer=customer,
        configuration=(found or _default_configuration(call))["id"],
        url=f"https://billing.stripe.com/p/session/test_{call.world.ids.new('', 40)}",
    )
    if flow := call.params.get("flow_data"):
        call.not_modelled(f"the flow {flow.get('type')}", param="flow_data")
    return call.save("billing_portal.session", session)


def _default_configuration(call: RequestContext) -> Object:
    for configuration in call.world.store.each("billing_portal.configuration"):
        if configuration["is_default"]:
            return configuration
    fields = {
        "active": True,
        "is_default": True,
        "business_profile": {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None},
        "features": _FEATURES,
        "login_page": {"enabled": False, "url": None},
    }
    return call.make("billing_portal.configuration", fields)


def create_customer_session(call: RequestContext) -> Object:
    """A secret for elements that show what a customer has saved. https://docs.stripe.com/api/customer_sessions"""
    customer = _customer(call)
    session = call.put(resources.fresh(call), call.params)
    session.update(
        customer=customer,
        client_secret=f"cuss_secret_{call.world.ids.new('', 40)}",
        expires_at=call.now + HALF_HOUR,
    )
    return session


def create_ephemeral_key(call: RequestContext) -> Object:
    """A key that a phone uses in a customer's name, for an hour."""
    if "customer" not in call.params:
        call.not_modelled("a key of anything but a customer", "It takes customer.")
    else:
        call.load("customer", call.params["customer"], "customer", 400)
    key = resources.fresh(call)
    key.update(expires=call.now + 2 * HALF_HOUR, secret=f"ek_test_{call.world.ids.new('', 40)}")
    return call.save("ephemeral_key", key)


def create_connection_token(call: RequestContext) -> Object:
    """What a reader's SDK connects with. https://docs.stripe.com/api/terminal/connection_tokens"""
    token = call.put(resources.fresh(call), call.params)
    token["secret"] = f"pst_test_{call.world.ids.new('', 32)}"
    return token


BEHAVIOURS = {
    "billing_portal.sessions.create": create_portal_session,
    "customer_sessions.create": create_customer_session,
    "ephemeral_keys.create": create_ephemeral_key,
    "terminal.connection_tokens.create": create_connection_token,
}
EFFECTS = {"ephemeral_keys.create": {"customer"}}
