"""Short-lived secrets for clients: customer sessions, ephemeral keys, connection tokens and bank account links."""

from __future__ import annotations

from host.simulator import resources
from host.simulator.context import Object, RequestContext

HALF_HOUR = 1800


def _customer(call: RequestContext) -> str:
    id = call.params.get("customer")
    if id is None:
        raise call.refuse("Missing required param: customer.", code="parameter_missing", param="customer")
    return str(call.load("customer", id, "customer", 400)["id"])


def create_customer_session(call: RequestContext) -> Object:
    """Create a secret for elements that show a customer's saved data. https://docs.stripe.com/api/customer_sessions"""
    customer = _customer(call)
    session = call.put(resources.fresh(call), call.params)
    session.update(
        customer=customer,
        client_secret=f"cuss_secret_{call.backend.ids.new('', 40)}",
        expires_at=call.now + HALF_HOUR,
    )
    return session


def create_ephemeral_key(call: RequestContext) -> Object:
    """Create a key that a mobile app uses on a customer's behalf, for an hour."""
    if "customer" not in call.params:
        call.not_modelled("a key of anything but a customer", "It takes customer.")
    else:
        call.load("customer", call.params["customer"], "customer", 400)
    key = resources.fresh(call)
    key.update(expires=call.now + 2 * HALF_HOUR, secret=f"ek_test_{call.backend.ids.new('', 40)}")
    return call.save("ephemeral_key", key)


def create_connection_token(call: RequestContext) -> Object:
    """Create a token for the SDK of a reader. https://docs.stripe.com/api/terminal/connection_tokens"""
    token = call.put(resources.fresh(call), call.params)
    token["secret"] = f"pst_test_{call.backend.ids.new('', 32)}"
    return token


def create_connections_session(call: RequestContext) -> Object:
    """Create the secret with which a customer's page links bank accounts; nobody links any here.

    https://docs.stripe.com/api/financial_connections/sessions
    """
    session = resources.create(call)
    session["client_secret"] = f"fcsess_client_secret_{call.backend.ids.new('', 24)}"
    return call.save("financial_connections.session", session)


BEHAVIOURS = {
    "customer_sessions.create": create_customer_session,
    "ephemeral_keys.create": create_ephemeral_key,
    "financial_connections.sessions.create": create_connections_session,
    "terminal.connection_tokens.create": create_connection_token,
}
EFFECTS = {"ephemeral_keys.create": {"customer"}}
