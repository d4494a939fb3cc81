"""Connected accounts, each with objects of its own, and their requirements. https://docs.stripe.com/api/accounts"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import external_accounts, payout_schedules, persons, requirements
from host.simulator.stripe.account_access import found
from host.simulator.stripe.application_fees import platform
from host.simulator.stripe.includable import APPLICATION_NAME

MAKES = {"account", "person"}
_GIVEN = {
    "settings.payouts.schedule.delay_days=minimum",
    "capabilities",
    "external_account",
    "individual.ssn_last_4",
    "individual.id_number",
    "company.tax_id",
}
EFFECTS = {
    "accounts.create": _GIVEN,
    "accounts.reject": {"reason"},
    "accounts.update": _GIVEN,
}
# https://docs.stripe.com/connect/migrate-to-controller-properties
_CONTROLLERS: dict[str, Object] = {
    "standard": {"type": "account"},
    "express": {
        "fees": {"payer": "application_express"},
        "is_controller": True,
        "losses": {"payments": "application"},
        "requirement_collection": "stripe",
        "stripe_dashboard": {"type": "express"},
        "type": "application",
    },
    "custom": {
        "fees": {"payer": "application_custom"},
        "is_controller": True,
        "losses": {"payments": "application"},
        "requirement_collection": "application",
        "stripe_dashboard": {"type": "none"},
        "type": "application",
    },
}
_CURRENCIES = {
    "AE": "aed", "AU": "aud", "BR": "brl", "CA": "cad", "CH": "chf", "CZ": "czk", "DK": "dkk", "GB": "gbp",
    "GI": "gbp", "HK": "hkd", "HU": "huf", "IN": "inr", "JP": "jpy", "LI": "chf", "MX": "mxn", "MY": "myr",
    "NO": "nok", "NZ": "nzd", "PL": "pln", "RO": "ron", "SE": "sek", "SG": "sgd", "TH": "thb", "US": "usd",
    # the euro area
    **dict.fromkeys("AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK".split(), "eur"),  # noqa: SIM905 - a table of short words
}  # fmt: skip


def create_account(call: RequestContext) -> Object:
    """Create an account. It cannot be charged or paid out to until its requirements are met."""
    params = call.params
    if params.get("type") and params.get("controller"):
        raise invalid("You may only specify one of these parameters: type, controller.", "type", "parameters_exclusive")
    account = resources.fresh(call)
    kind = params.get("type") or ("none" if params.get("controller") else "standard")
    country = str(params.get("country") or "US").upper()
    currency = params.get("default_currency") or _CURRENCIES.get(country)
    if currency is None:
        call.not_modelled(f"accounts in {country}", "Name a default_currency, or another country.", "country")
    account.update(
        id=call.backend.ids.new("acct_", 16),
        business_type=None,
        capabilities={},
        charges_enabled=False,
        controller=dict(_CONTROLLERS.get(kind) or _controller(params["controller"])),
        country=country,
        created=call.now,
        default_currency=currency or "usd",
        details_submitted=False,
        email=None,
        metadata={},
        payouts_enabled=False,
        settings=_settings(),
        tos_acceptance={"date": None, "ip": None, "user_agent": None},
        type=kind,
    )
    url = f"/v1/accounts/{account['id']}/external_accounts"
    account["external_accounts"] = {"object": "list", "data": [], "has_more": False, "url": url}
    call.save("account", account)
    return _take(call, account)


def _controller(given: Object) -> Object:
    payer = (given.get("fees") or {}).get("payer", "account")
    return {
        "fees": {"payer": payer},
        "is_controller": True,
        "losses": {"payments": (given.get("losses") or {}).get("payments", "stripe")},
        "requirement_collection": given.get("requirement_collection", "stripe"),
        "stripe_dashboard": {"type": (given.get("stripe_dashboard") or {}).get("type", "full")},
        "type": "application",
    }


def _settings() -> Object:
    return {
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
        },
        "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
        "payments": {"statement_descriptor": None},
        "payouts": payout_schedules.payouts(),
    }


def update_account(call: RequestContext) -> Object:
    """Update an account, and judge again which of its requirements are met."""
    return _take(call, found(call))


def _take(call: RequestContext, account: Object) -> Object:
    params = call.params
    own = ("capabilities", "external_account", "individual", "type", "controller", "country", "tos_acceptance")
    call.put(account, {name: value for name, value in params.items() if name not in own})
    for name, wanted in (params.get("capabilities") or {}).items():
        if wanted.get("requested"):
            account["capabilities"].setdefault(name, "inactive")
        else:
            account["capabilities"].pop(name, None)
    if tos := params.get("tos_acceptance"):
        account["tos_acceptance"] = {**(account["tos_acceptance"] or {}), **tos}
    if individual := params.get("individual"):
        account["individual"] = _person(call, account, individual)
    if (params.get("company") or {}).get("tax_id"):
        account["company"]["tax_id_provided"] = True
    payout_schedules.settle(call, account, params)
    if given := params.get("external_account"):
        external_accounts.add(call, account, given)
    requirements.judge(account)
    call.save("account", account)
    payout_schedules.plan_all(call.within(account["id"]))
    return account


def _person(call: RequestContext, account: Object, given: Object) -> Object:
    person = account.get("individual")
    if person is None:
        person = call.blank("person")
        person.update(account=account["id"], metadata={}, verification=None, requirements=None)
        person["future_requirements"] = None
    schema = call.backend.factory.template("person").schema
    shown = {name: value for name, value in persons.plain(given).items() if name != "verification"}
    call.backend.factory.put(schema, person, shown)
    persons.set_provided(person, given)
    result: Object = call.save("person", person, under=f"/v1/accounts/{account['id']}/persons")
    return result


def retrieve_account(call: RequestContext) -> Object:
    """A connected account, or the platform's own."""
    if call.path_args.get("account") in (None, platform(call)["account"]) and not call.account:
        return own_account(call)
    return found(call)


def own_account(call: RequestContext) -> Object:
    """The platform's own account, which has no open requirements."""
    account = call.backend.factory.fresh(call.backend.factory.template("account"), call.now)
    account.update(
        id=platform(call)["account"],
        business_type="company",
        capabilities={"card_payments": "active", "transfers": "active"},
        charges_enabled=True,
        country="US",
        default_currency="usd",
        details_submitted=True,
        payouts_enabled=True,
        settings=_settings() | {"payouts": payout_schedules.shown(call)},
        type="standard",
        controller={"type": "account"},
    )
    return account


def reject_account(call: RequestContext) -> Object:
    """Reject an account: it can no longer be charged or paid out to."""
    account = found(call)
    account.update(charges_enabled=False, payouts_enabled=False)
    reason = str(call.params["reason"])
    why = {"terms_of_service": reason}.get(reason, "fraud" if reason.startswith("fraud") else "other")
    account["requirements"] = {**requirements.none(), "disabled_reason": f"rejected.platform_{why}"}
    return call.save("account", account)


_APPLICATION = "~application"  # the object of the event of a deauthorization, with the account it is about


def delete_account(call: RequestContext) -> Object | bytes:
    """Delete an account, after which requests for it are refused."""
    account = found(call)
    if account.get("type") == "standard":  # the account itself goes on, and only revokes the platform's access
        application = {
            "id": f"ca_{account['id'].removeprefix('acct_')}",
            "object": "application",
            "name": APPLICATION_NAME,
        }
        call.backend.store.put(_APPLICATION, account["id"], {**application, "account": account["id"]})
        call.announce("account.application.deauthorized", _APPLICATION, account["id"])
    return resources.delete(call)


BEHAVIOURS = {
    "accounts.create": create_account,
    "accounts.delete": delete_account,
    "accounts.reject": reject_account,
    "accounts.retrieve": retrieve_account,
    "accounts.retrieve_current": retrieve_account,
    "accounts.update": update_account,
}
