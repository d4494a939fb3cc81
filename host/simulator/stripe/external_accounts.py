"""Bank accounts and debit cards that accounts are paid out to. https://docs.stripe.com/api/external_accounts"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import payout_schedules, requirements, tokens
from host.simulator.stripe.account_access import found
from host.simulator.stripe.card_facts import card_facts, card_named
from host.simulator.stripe.listing import page_of
from host.simulator.stripe.payout_cards import BANK_TOKENS
from host.simulator.stripe.sandbox_cards import FINGERPRINTS

EFFECTS = {
    "accounts.external_accounts.create": {"external_account"},
    "accounts.external_accounts.list": {"object"},
}
MAKES = {"bank_account", "card"}


def add(call: RequestContext, account: Object, given: Any) -> Object:
    """Add a bank account or debit card to an account, which is changed but not saved; returns the new object.

    ``given`` are the parameters of a bank account, or a token's id.
    """
    held = account["external_accounts"]["data"]
    if isinstance(given, dict):
        facts = {"country": account["country"], "currency": account["default_currency"], **given}
        made = tokens.bank_account(call, facts, "external_account")
    elif (card := card_named(str(given))) is not None:
        _check_funding(card.funding)
        made = tokens.card_object(call, card_facts(call, card), {})
        made.update(id=call.new_id("card"), currency=account["default_currency"])
    elif number := BANK_TOKENS.get(str(given)):
        facts = {"account_number": number, "routing_number": "110000000", "country": "US", "currency": "usd"}
        made = tokens.bank_account(call, facts)
    else:
        token = tokens.take(call, str(given), "external_account")
        if not (token["bank_account"] or token["card"]):
            raise invalid(f"The token {given} is of neither a bank account nor a card.", "external_account")
        made = dict(token["bank_account"] or token["card"])
        if made["object"] == "card":
            _check_funding(str(made["funding"]))
        made["id"] = call.new_id(made["object"])
    if made["object"] == "card":
        quickest = FINGERPRINTS[made["fingerprint"]].payout if made["fingerprint"] in FINGERPRINTS else "instant"
        made["available_payout_methods"] = ["standard"] if quickest == "standard" else ["standard", "instant"]
    made.update(account=account["id"], default_for_currency=not held)
    held.insert(0, made)
    return call.save(made["object"], made, under=f"/v1/accounts/{account['id']}/external_accounts")


def _check_funding(funding: str) -> None:
    if funding != "debit":
        raise invalid(f"Only debit cards can receive payouts; this card is a {funding} card.", "external_account")


def create_external(call: RequestContext) -> Object:
    """Create a bank account or debit card of an account."""
    account = found(call)
    made = add(call, account, call.params["external_account"])
    if "metadata" in call.params:
        made["metadata"] = dict(call.params["metadata"] or {})
    if call.params.get("default_for_currency"):
        _make_default(account, made)
    requirements.judge(account)
    call.save("account", account)
    payout_schedules.plan_all(call.within(account["id"]))
    return call.save(made["object"], made)


def _external(call: RequestContext) -> tuple[Object, Object]:
    account = found(call)
    for item in account["external_accounts"]["data"]:
        if item["id"] == call.path_args["id"]:
            return account, item
    raise missing("external account", call.path_args["id"], "id")


def retrieve_external(call: RequestContext) -> Object:
    """Retrieve one of an account's bank accounts or cards."""
    return _external(call)[1]


def list_externals(call: RequestContext) -> Object:
    """An account's bank accounts and cards, newest first."""
    held, wanted = found(call)["external_accounts"]["data"], call.params.get("object")
    return page_of(call, [item for item in held if wanted in (None, item["object"])], "external account")


def update_external(call: RequestContext) -> Object:
    """Update the holder, the card's expiry date, metadata, and whether it is the default for payouts."""
    account, item = _external(call)
    schema = call.backend.factory.template(item["object"]).schema
    rest = {name: value for name, value in call.params.items() if name != "default_for_currency"}
    call.backend.factory.put(schema, item, rest)
    if call.params.get("default_for_currency"):
        _make_default(account, item)
    call.save("account", account)
    return call.save(item["object"], item)


def _make_default(account: Object, chosen: Object) -> None:
    for item in account["external_accounts"]["data"]:
        item["default_for_currency"] = item["id"] == chosen["id"]


def delete_external(call: RequestContext) -> Object:
    """Delete a bank account or card, unless it is the default while there are others."""
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


BEHAVIOURS = {
    "accounts.external_accounts.create": create_external,
    "accounts.external_accounts.delete": delete_external,
    "accounts.external_accounts.list": list_externals,
    "accounts.external_accounts.retrieve": retrieve_external,
    "accounts.external_accounts.update": update_external,
}
