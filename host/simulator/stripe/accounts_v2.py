"""Accounts of API v2, and their configurations. https://docs.stripe.com/api/v2/core/accounts

Answers have the configurations, defaults and identity that ``include`` names:
https://docs.stripe.com/api-includable-response-values
"""

from __future__ import annotations

from host.simulator import pagination, resources
from host.simulator.api_error import invalid
from host.simulator.context import Filter, Object, RequestContext
from host.simulator.effects import dropped
from host.simulator.modelled import refuse_invented

KIND = "v2.core.account"
_CONFIGURATIONS = ("customer", "merchant", "recipient")
_OF_STRIPE = ("express", "full")  # dashboards
_INCLUDED = ("defaults", "future_requirements", "identity", "requirements")


def create_account(call: RequestContext) -> Object:
    """Create an account with the configurations that are given."""
    return _stored(call, {**resources.fresh(call), "closed": False})


def update_account(call: RequestContext) -> Object:
    """Update an account; a configuration that is given is applied, unless it says ``applied=false``."""
    return _stored(call, call.subject())


def _stored(call: RequestContext, account: Object) -> Object:
    params = {name: value for name, value in call.params.items() if name != "include"}
    if params.get("account_token"):
        call.not_modelled("the parameter account_token", "The parameters themselves are.", "account_token")
    configured = account.get("configuration") or {}
    given = params.pop("configuration", None) or {}
    for name, each in given.items():
        if each is None and configured.get(name):
            call.not_modelled("a configuration that is unset", "applied=false is.", f"configuration[{name}]")
    if wanted := {name: {"applied": True, **each} for name, each in given.items() if each is not None}:
        params["configuration"] = wanted
    dashboard, defaults = params.get("dashboard", account.get("dashboard")), params.pop("defaults", None)
    if defaults or dashboard in _OF_STRIPE:
        params["defaults"] = _defaults(dashboard, defaults)
    call.put(account, params)
    configured = account.get("configuration") or {}
    applied = [name for name in _CONFIGURATIONS if (configured.get(name) or {}).get("applied")]
    account["applied_configurations"] = applied
    refuse_invented(call)
    for label in dropped(params, account):
        call.not_modelled(f"the parameter {label}", "", label)
    call.save(KIND, account)
    return _shown(call, account)


def _defaults(dashboard: str | None, given: Object | None) -> Object:
    """The defaults, with who collects requirements: Stripe, from accounts that have a dashboard of Stripe's.

    https://docs.stripe.com/connect/migrate-to-controller-properties
    """
    found = dict(given or {})
    if dashboard in _OF_STRIPE:
        found["responsibilities"] = {**(found.get("responsibilities") or {}), "requirements_collector": "stripe"}
    return found


def _shown(call: RequestContext, account: Object) -> Object:
    include = set(call.params.get("include") or ())
    for name in ("requirements", "future_requirements"):
        if name in include:
            call.not_modelled(f"the {name} of accounts of API v2", "Those of /v1/accounts are.", "include")
    if "defaults" in include and not account.get("defaults"):
        call.not_modelled("the defaults of accounts without a dashboard of Stripe's", "", "include")
    shown = {**account, **{name: None for name in _INCLUDED if name not in include}}
    asked = [name for name in _CONFIGURATIONS if f"configuration.{name}" in include]
    configured = account.get("configuration") or {}
    shown["configuration"] = (
        {name: configured.get(name) if name in asked else None for name in _CONFIGURATIONS} if asked else None
    )
    return shown


def retrieve_account(call: RequestContext) -> Object:
    """Retrieve an account."""
    return _shown(call, call.subject())


def list_accounts(call: RequestContext) -> Object:
    """The accounts, newest first."""
    return pagination.page_of(call, _shown)


def close_account(call: RequestContext) -> Object:
    """Close an account; if the request names configurations, they must be all that it has."""
    account = call.subject()
    named = call.params.get("applied_configurations")
    if named is not None and set(named) != set(account["applied_configurations"]):
        has = ", ".join(account["applied_configurations"]) or "none"
        raise invalid(
            f"All configurations of the account must be named to close it; it has {has}.", "applied_configurations"
        )
    return _shown(call, call.save(KIND, {**account, "closed": True}))


BEHAVIOURS = {
    "v2.core.accounts.close": close_account,
    "v2.core.accounts.create": create_account,
    "v2.core.accounts.list": list_accounts,
    "v2.core.accounts.retrieve": retrieve_account,
    "v2.core.accounts.update": update_account,
}
_HANDLED = {"configuration", "defaults", "identity", "include"}
EFFECTS = {
    "v2.core.accounts.close": {"applied_configurations"},
    "v2.core.accounts.create": _HANDLED,
    "v2.core.accounts.list": {"applied_configurations", "closed"},
    "v2.core.accounts.retrieve": {"include"},
    "v2.core.accounts.update": _HANDLED,
}
FILTERS: dict[str, dict[str, Filter]] = {
    "v2.core.accounts.list": {
        "applied_configurations": lambda call, wanted: lambda value: {*wanted} <= {*value["applied_configurations"]},
    }
}
