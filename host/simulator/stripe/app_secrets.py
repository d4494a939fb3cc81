"""Secrets that an app stores for an account or one of its users. https://docs.stripe.com/stripe-apps/store-secrets

A name is unique within its scope. Answers have the secret itself only when ``payload`` is expanded.
"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import SimulatedError, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.listing import page_of

KIND = "apps.secret"


def create(call: RequestContext) -> Object:
    """Store a secret, replacing the one of the same name and scope."""
    _scope(call)
    until = call.params.get("expires_at")
    if until is not None and until <= call.now:
        raise invalid("The expiry of a secret must be in the future.", "expires_at")
    old = _find(call)
    secret = call.put(resources.fresh(call), call.params)
    if old is not None:
        secret["id"] = old["id"]
    return call.save(KIND, secret)


def _scope(call: RequestContext) -> Object:
    """The scope in the request. Raises :class:`SimulatedError` unless it has a ``user`` exactly if its type is user."""
    given = call.params["scope"]
    if (given["type"] == "user") != bool(given.get("user")):
        raise invalid("scope[user] is for scopes of type user, and needed there.", "scope[user]")
    return {"type": given["type"], "user": given.get("user")}


def _of_scope(call: RequestContext) -> list[Object]:
    """The secrets of the scope that have not expired, newest first."""
    scope = _scope(call)
    kept = (each for each in call.backend.store.each(KIND) if each["scope"] == scope)
    return [each for each in kept if each["expires_at"] is None or each["expires_at"] > call.now]


def _find(call: RequestContext) -> Object | None:
    return next((each for each in _of_scope(call) if each["name"] == call.params["name"]), None)


def _named(call: RequestContext) -> Object:
    found = _find(call)
    if found is None:
        raise SimulatedError(404, f"No such secret: '{call.params['name']}'", code="resource_missing", param="name")
    return found


def find(call: RequestContext) -> Object:
    """The secret of a name. Raises :class:`SimulatedError` (404) if there is none."""
    return _named(call)


def delete(call: RequestContext) -> Object:
    """Delete the secret of a name."""
    gone = {**_named(call), "deleted": True}
    call.save(KIND, gone, deleted=True)
    return gone


def list_secrets(call: RequestContext) -> Object:
    """The secrets of a scope, without their payloads."""
    return page_of(call, _of_scope(call), "secret")


BEHAVIOURS = {
    "apps.secrets.create": create,
    "apps.secrets.delete_where": delete,
    "apps.secrets.find": find,
    "apps.secrets.list": list_secrets,
}
EFFECTS = {"apps.secrets.create": {"payload"}, "apps.secrets.list": {"scope"}}
