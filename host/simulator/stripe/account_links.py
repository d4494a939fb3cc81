"""Links to a connected account's own pages. https://docs.stripe.com/api/account_links, …/account/login_link

The pages themselves are Stripe's: the URLs only have the right form.
"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import SimulatedError, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.account_access import no_access

LINK_LIFE, SESSION_LIFE = 300, 1800  # seconds
EFFECTS = {
    "account_links.create": {"account", "type", "refresh_url", "return_url", "collect", "collection_options"},
    "account_sessions.create": {"components"},
}
MAKES = {"account_link", "account_session", "login_link"}


def _account(call: RequestContext, id: str) -> Object:
    found = call.within("").find("account", id)
    if found is None:
        raise no_access(id, "sk_test_")
    return found


def create_link(call: RequestContext) -> Object:
    """Create a link to the page where an account enters its details; it expires after :data:`LINK_LIFE` seconds."""
    params = call.params
    account = _account(call, params["account"])
    for name in ("refresh_url", "return_url"):
        if not params.get(name):
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    if params["type"] == "account_update" and account["controller"].get("requirement_collection") != "application":
        raise call.refuse(
            "You cannot create `account_update` type Account Links for this account: Stripe collects its requirements.",
            param="type",
        )
    link = resources.fresh(call)
    link["expires_at"] = call.now + LINK_LIFE
    link["url"] = f"https://connect.stripe.com/setup/{_letter(account)}/{account['id']}/{call.backend.ids.new('', 12)}"
    return link


def _letter(account: Object) -> str:
    return {"express": "e", "custom": "c"}.get(str(account["type"]), "s")


def create_login(call: RequestContext) -> Object:
    """Create a link to the Express Dashboard. Other kinds of accounts are refused, as they have dashboards of their
    own.
    """
    account = _account(call, call.path_args["account"])
    if (account["controller"].get("stripe_dashboard") or {}).get("type") != "express":
        raise SimulatedError(
            400, f"Cannot create a login link for an account that is not an Express account: {account['id']}."
        )
    link = call.backend.factory.fresh(call.backend.factory.template("login_link"), call.now)
    link["url"] = f"https://connect.stripe.com/express/{account['id']}/{call.backend.ids.new('', 12)}"
    return link


def create_session(call: RequestContext) -> Object:
    """Create the secret for embedded components, which shows the requested ones as enabled."""
    account = _account(call, call.params["account"])
    wanted = call.params["components"]
    if not wanted:
        raise invalid("Missing required param: components.", "components", "parameter_missing")
    session = resources.fresh(call)
    session.update(
        account=account["id"],
        client_secret=f"accs_secret__{call.backend.ids.new('', 40)}",
        expires_at=call.now + SESSION_LIFE,
    )
    shown: Object = {}
    for name, component in session["components"].items():
        asked = wanted.get(name) or {}
        given = asked.get("features") or {}
        features = {feature: bool(given.get(feature, False)) for feature in component["features"]}
        shown[name] = {"enabled": bool(asked.get("enabled")), "features": features}
    session["components"] = shown
    return session


BEHAVIOURS = {
    "account_links.create": create_link,
    "account_sessions.create": create_session,
    "accounts.login_links.create": create_login,
}
