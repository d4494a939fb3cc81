"""Connected accounts: each a world of its own, with what Stripe asks of it. https://docs.stripe.com/api/accounts"""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.api_error import Refusal, invalid, missing
from host.simulator.context import Object, RequestContext, World
from host.simulator.keys import masked
from host.simulator.stripe import requirements, tokens
from host.simulator.stripe.application_fees import platform
from host.simulator.stripe.card_facts import card_facts, card_named
from host.simulator.stripe.listing import page_of

MAKES = {"account", "person", "bank_account", "card"}
_TOLD = {"capabilities", "external_account", "individual.ssn_last_4", "individual.id_number", "company.tax_id"}
EFFECTS = {
    "accounts.create": _TOLD,
    "accounts.external_accounts.create": {"external_account"},
    "accounts.reject": {"reason"},
    "accounts.update": _TOLD,
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


def world_of(world: World, id: str, authorization: str) -> World:
    """The world of the account that ``Stripe-Account`` names; :class:`Refusal` 403 if it is none of the platform's."""
    known = world.store.record("account", id)
    if known is None or known.deleted:
        own = world.store.get("~platform", "~platform")
        if own is not None and own["account"] == id:
            return world
        raise no_access(id, authorization.rpartition(" ")[2])
    return world.of(id)


def no_access(id: str, key: str) -> Refusal:
    """The account is unknown, which Stripe does not tell from not being allowed."""
    return Refusal(
        403,
        f"The provided key '{masked(key)}' does not have access to account '{id}' (or that account does not exist). "
        "Application access may have been revoked.",
        code="account_invalid",
    )


def create_account(call: RequestContext) -> Object:
    """An account that cannot do anything before Stripe knows enough of it."""
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
        id=call.world.ids.new("acct_", 16),
        business_type=None,
        capabilities={},
        charges_enabled=False,
        controller=dict(_CONTROLLERS.get(kind) or _controller(params["controller"])),
        country=country,
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
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 2, "interval": "daily"},
            "statement_descriptor": None,
        },
    }


def update_account(call: RequestContext) -> Object:
    """More that Stripe is told of an account."""
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
    if given := params.get("external_account"):
        _add_external(call, account, given)
    requirements.judge(account)
    return call.save("account", account)


def _person(call: RequestContext, account: Object, given: Object) -> Object:
    person = account.get("individual")
    if person is None:
        person = call.blank("person")
        person.update(account=account["id"], metadata={}, verification=None, requirements=None)
        person["future_requirements"] = None
    secret = ("id_number", "ssn_last_4", "verification")
    schema = call.world.shapes.template("person").schema
    call.world.shapes.put(schema, person, {name: value for name, value in given.items() if name not in secret})
    person["id_number_provided"] = bool(person.get("id_number_provided") or given.get("id_number"))
    told = given.get("ssn_last_4") or given.get("id_number")
    person["ssn_last_4_provided"] = bool(person.get("ssn_last_4_provided") or told)
    result: Object = call.save("person", person, under=f"/v1/accounts/{account['id']}/persons")
    return result


def _add_external(call: RequestContext, account: Object, given: Any) -> Object:
    """A bank account or debit card that payouts go to; the account is changed but not kept."""
    held = account["external_accounts"]["data"]
    if isinstance(given, dict):
        made = tokens.bank_account(
            call, {"country": account["country"], "currency": account["default_currency"], **given}
        )
    elif (card := card_named(str(given))) is not None:
        if card.funding != "debit":
            raise invalid("Only debit cards can receive payouts; this card is a credit card.", "external_account")
        made = tokens.card_object(call, card_facts(call, card), {})
        made.update(id=call.new_id("card"), currency=account["default_currency"])
    elif str(given).startswith("btok_us_verified"):
        said = {"account_number": "000123456789", "routing_number": "110000000", "country": "US", "currency": "usd"}
        made = tokens.bank_account(call, said)
    else:
        token = tokens.take(call, str(given), "external_account")
        made = dict(token["bank_account"] or token["card"])
        made["id"] = call.new_id(made["object"])
    made.update(account=account["id"], default_for_currency=not held)
    held.insert(0, made)
    return call.save(made["object"], made, under=f"/v1/accounts/{account['id']}/external_accounts")


def create_external(call: RequestContext) -> Object:
    """Another bank account or debit card."""
    account = found(call)
    made = _add_external(call, account, call.params["external_account"])
    if "metadata" in call.params:
        made["metadata"] = dict(call.params["metadata"] or {})
    if call.params.get("default_for_currency"):
        for item in account["external_accounts"]["data"]:
            item["default_for_currency"] = item["id"] == made["id"]
        made["default_for_currency"] = True
    requirements.judge(account)
    call.save("account", account)
    return call.save(made["object"], made)


def _external(call: RequestContext) -> tuple[Object, Object]:
    account = found(call)
    for item in account["external_accounts"]["data"]:
        if item["id"] == call.path_args["id"]:
            return account, item
    raise missing("external account", call.path_args["id"], "id")


def retrieve_external(call: RequestContext) -> Object:
    """One of an account's bank accounts or cards."""
    return _external(call)[1]


def list_externals(call: RequestContext) -> Object:
    """An account's bank accounts and cards, newest first."""
    held, wanted = found(call)["external_accounts"]["data"], call.params.get("object")
    return page_of(call, [item for item in held if wanted in (None, item["object"])], "external account")


def delete_external(call: RequestContext) -> Object:
    """Gone, unless payouts need it."""
    account, item = _external(call)
    if item["default_for_currency"] and len(account["external_accounts"]["data"]) > 1:
        raise call.refuse(
            "You cannot delete the default external account for your default currency. Please make another external "
            "account the default using the `default_for_currency` param, and then delete this one."
        )
    account["external_accounts"]["data"].remove(item)
    requirements.judge(account)
    call.save("account", account)
    gone = {"id": item["id"], "object": item["object"], "deleted": True}
    call.save(item["object"], gone, deleted=True)
    call.saved = None
    return gone


def found(call: RequestContext) -> Object:
    """The account that the path names; :class:`Refusal` 403 if it is none of the platform's."""
    id = call.path_args.get("account") or call.account
    account = call.within("").find("account", id)
    if account is None:
        raise no_access(id, "sk_test_")
    return account


def retrieve_account(call: RequestContext) -> Object:
    """A connected account, or the platform's own."""
    if call.path_args.get("account") in (None, platform(call)["account"]) and not call.account:
        return own_account(call)
    return found(call)


def own_account(call: RequestContext) -> Object:
    """The platform's own account, which nothing is asked of any more."""
    account = call.world.shapes.fresh(call.world.shapes.template("account"), call.now)
    account.update(
        id=platform(call)["account"],
        business_type="company",
        capabilities={"card_payments": "active", "transfers": "active"},
        charges_enabled=True,
        country="US",
        default_currency="usd",
        details_submitted=True,
        payouts_enabled=True,
        settings=_settings(),
        type="standard",
        controller={"type": "account"},
    )
    return account


def reject_account(call: RequestContext) -> Object:
    """The account can do nothing any more."""
    account = found(call)
    account.update(charges_enabled=False, payouts_enabled=False)
    reason = str(call.params["reason"])
    why = {"terms_of_service": reason}.get(reason, "fraud" if reason.startswith("fraud") else "other")
    account["requirements"] = {**requirements.none(), "disabled_reason": f"rejected.platform_{why}"}
    return call.save("account", account)


def delete_account(call: RequestContext) -> Object | bytes:
    """Gone; nobody can ask in its name."""
    found(call)
    return resources.delete(call)


BEHAVIOURS = {
    "accounts.create": create_account,
    "accounts.delete": delete_account,
    "accounts.external_accounts.create": create_external,
    "accounts.external_accounts.delete": delete_external,
    "accounts.external_accounts.list": list_externals,
    "accounts.external_accounts.retrieve": retrieve_external,
    "accounts.reject": reject_account,
    "accounts.retrieve": retrieve_account,
    "accounts.retrieve_current": retrieve_account,
    "accounts.update": update_account,
}
