"""Sessions and configurations of the customer portal. https://docs.stripe.com/customer-management"""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.hosted import LOGIN, address

CONFIGURATION, KIND = "billing_portal.configuration", "billing_portal.session"
LIFE = 3600  # seconds that the page of a session is open
_FLOWS = ("subscription_cancel", "subscription_pause", "subscription_update", "subscription_update_confirm")


def create_session(call: RequestContext) -> Object:
    """Create a session, with a page on which a customer manages their subscriptions and data."""
    params = call.params
    if not params.get("customer"):
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    customer = call.load("customer", params["customer"], "customer", 400)
    if params.get("configuration"):
        configuration = call.load(CONFIGURATION, params["configuration"], "configuration", 400)
    else:
        configuration = default_configuration(call)
    session = call.put(resources.fresh(call), {n: v for n, v in params.items() if n != "flow_data"})
    session.update(
        configuration=configuration["id"],
        customer=customer["id"],
        flow=_flow(call, customer, params.get("flow_data")),
        livemode=False,
        url=address(call, "p/session", session["id"]),
        return_url=params.get("return_url") or configuration.get("default_return_url"),
    )
    return call.save(KIND, session)


def _flow(call: RequestContext, customer: Object, data: Any) -> Object | None:
    if not data:
        return None
    kind = data["type"]
    if kind in _FLOWS:
        details = data.get(kind)
        if not details:
            raise invalid(f"Missing required param: flow_data[{kind}].", f"flow_data[{kind}]", "parameter_missing")
        at = f"flow_data[{kind}][subscription]"
        subscription = call.load("subscription", details["subscription"], at, 400)
        if subscription["customer"] != customer["id"]:
            raise invalid("The subscription is not one of this customer.", at)
    done = data.get("after_completion") or {"type": "portal_homepage"}
    blank = {"hosted_confirmation": None, "redirect": None}
    return {**dict.fromkeys(_FLOWS), **data, "after_completion": {**blank, **done}}


def create_configuration(call: RequestContext) -> Object:
    """Create a configuration; features that are not given are disabled."""
    return _configure(call, call.put(resources.fresh(call), _own(call.params)), _features(enabled=False))


def update_configuration(call: RequestContext) -> Object:
    """Update a configuration."""
    configuration = call.subject()
    return _configure(call, call.put(configuration, _own(call.params)), configuration["features"])


def _own(params: Object) -> Object:
    return {name: value for name, value in params.items() if name not in ("features", "login_page")}


def _configure(call: RequestContext, made: Object, features: Object) -> Object:
    given = call.params.get("features") or {}
    if (given.get("subscription_pause") or {}).get("enabled"):
        call.not_modelled("the parameter features[subscription_pause]", "", "features[subscription_pause]")
    for name, value in given.items():
        features[name] = {**features.get(name, {}), **value}
    made.update(features=features, updated=call.now, metadata=made.get("metadata") or {})
    blank = {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None}
    made["business_profile"] = {**blank, **(made.get("business_profile") or {})}
    made["login_page"] = _login_page(call, made)
    return call.save(CONFIGURATION, made)


def _login_page(call: RequestContext, configuration: Object) -> Object:
    """A page at which customers log in, which is switched on and off; each time it is at another address.

    https://docs.stripe.com/api/customer_portal/configurations/create#create_portal_configuration-login_page-enabled
    """
    before = configuration.get("login_page") or {"enabled": False, "url": None}
    wanted = (call.params.get("login_page") or {}).get("enabled", before["enabled"])
    if wanted == before["enabled"]:
        return dict(before)
    if not wanted:
        return {"enabled": False, "url": None}
    token = f"test_{call.backend.ids.new('', 24)}"
    call.backend.store.put(LOGIN, token, {"configuration": configuration["id"]})
    return {"enabled": True, "url": address(call, "p/login", token)}


def configuration_at(call: RequestContext, token: str) -> Object | None:
    """The configuration whose login page has that address, as long as it is on."""
    kept = call.backend.store.get(LOGIN, token)
    found = call.find(CONFIGURATION, kept["configuration"]) if kept is not None else None
    url = str((found or {}).get("login_page", {}).get("url"))
    return found if found is not None and found["active"] and url.endswith(f"/{token}") else None


def log_in(call: RequestContext, configuration: Object, email: str) -> Object | None:
    """The session of the customer with that address: of several the newest with a subscription, or the newest.

    https://docs.stripe.com/customer-management/activate-no-code-customer-portal
    """
    found = call.backend.store.having("customer", "email", email)[::-1]
    living = [each for each in found if _subscribes(call, each["id"])]
    if not found:
        return None
    asked = {"customer": (living or found)[0]["id"], "configuration": configuration["id"]}
    return create_session(call.asking("POST", "/v1/billing_portal/sessions", asked))


def _subscribes(call: RequestContext, customer: str) -> bool:
    subscriptions = call.backend.store.having("subscription", "customer", customer)
    return any(each["status"] in ("active", "trialing", "past_due") for each in subscriptions)


def default_configuration(call: RequestContext) -> Object:
    """The account's default configuration, which is created when first needed."""
    for found in call.backend.store.having(CONFIGURATION, "is_default", True):
        return found
    made = call.blank(CONFIGURATION)
    made.update(
        active=True,
        is_default=True,
        metadata={},
        name=None,
        updated=call.now,
        login_page={"enabled": False, "url": None},
    )
    made["business_profile"] = {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None}
    made["features"] = _features(enabled=True)
    return call.save(CONFIGURATION, made)


def _features(*, enabled: bool) -> Object:
    """The features of a portal: all but updating and pausing subscriptions, or none."""
    return {
        "customer_update": {"allowed_updates": ["email", "tax_id"] if enabled else [], "enabled": enabled},
        "invoice_history": {"enabled": enabled},
        "payment_method_update": {"enabled": enabled, "payment_method_configuration": None},
        "subscription_cancel": {
            "cancellation_reason": {"enabled": False, "options": []},
            "enabled": enabled,
            "mode": "at_period_end",
            "proration_behavior": "none",
        },
        "subscription_pause": {"enabled": False, "duration": {"interval_options": [], "type": "indefinite"}},
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


BEHAVIOURS = {
    "billing_portal.configurations.create": create_configuration,
    "billing_portal.configurations.update": update_configuration,
    "billing_portal.sessions.create": create_session,
}
SHOWN_AT = {"billing_portal.sessions.create": {"flow_data": "flow"}}
MAKES = {CONFIGURATION}
