"""Members that answers have only when they are expanded. https://docs.stripe.com/expand#includable-properties"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from host.simulator.context import Backend, Includable, Object, StoredMember
from host.simulator.expansion import MOST
from host.simulator.stripe import cash_balances

PLATFORM = "~platform"  # the platform's own ids and bank account
OTHER_BALANCES = "~other_balances"  # by customer: the balances of other currencies than the customer's
SOURCES = ("card", "bank_account", "source")  # the kinds of customers' payment sources
APPLICATION_NAME = "Simulated platform"
_decode = msgspec.json.Decoder().decode


def listed(url: str, found: list[Object]) -> Object:
    """A list object with the first of ``found``, as objects contain them."""
    return {"object": "list", "data": found[:MOST], "has_more": len(found) > MOST, "url": url}


def below(kind: str, path: str) -> Includable:
    """The objects of ``kind`` that were created at ``path``, in which ``{id}`` stands for the holder's id."""

    def made(backend: Backend, value: Object) -> Object:
        url = path.format(id=value["id"])
        return listed(url, [_decode(record.body) for _, record in backend.store.newest(kind) if record.under == url])

    return made


def belonging(kinds: tuple[str, ...], member: str, path: str) -> Includable:
    """The objects of ``kinds`` whose ``member`` is the holder's id, as the list at ``path``."""

    def made(backend: Backend, value: Object) -> Object:
        found = [each for kind in kinds for each in backend.store.each(kind) if each.get(member) == value["id"]]
        return listed(path.format(id=value["id"]), found)

    return made


def kept(kind: str, member: str, otherwise: Callable[[Object], Any] = lambda value: None) -> Includable:
    """The stored object's ``member``, which answers leave out; ``otherwise`` gives its value where it was never set."""
    return StoredMember(kind, member, otherwise)


def _subscriptions(backend: Backend, customer: Object) -> Object:
    from host.simulator.stripe.subscription_statuses import ENDED  # few customers are expanded

    found = [
        each
        for each in backend.store.each("subscription")
        if each["customer"] == customer["id"] and each["status"] not in ENDED
    ]
    return listed(f"/v1/customers/{customer['id']}/subscriptions", found)


def _cash_balance(backend: Backend, customer: Object) -> Object:
    id = str(customer["id"])
    return backend.store.get(cash_balances.KIND, cash_balances.key_of(id)) or cash_balances.empty(id)


def _tax(backend: Backend, customer: Object) -> Object:
    """The ``tax`` member of a customer: its location, which is unrecognized without an address."""
    address = customer.get("address") or (customer.get("shipping") or {}).get("address") or {}
    country = address.get("country")
    place = {"country": country, "state": address.get("state"), "source": "billing_address"} if country else None
    status = "not_collecting" if country else "unrecognized_location"
    return {"automatic_tax": status, "ip_address": None, "location": place, "provider": "stripe"}


def _breakdown(path: str) -> Includable:
    def made(backend: Backend, value: Object) -> Object:
        from host.simulator.stripe.breakdowns import of_whole  # seldom needed

        return of_whole(backend, value, path)

    return made


def _part(name: str) -> Includable:
    def made(backend: Backend, item: Object) -> list[Object]:
        from host.simulator.stripe.breakdowns import of_item  # seldom needed

        return of_item(backend, item, name)

    return made


def _secret(backend: Backend, invoice: Object) -> Object | None:
    """The ``confirmation_secret`` of an invoice: the client secret of its payment, or ``None``."""
    for payment in backend.store.each("invoice_payment"):
        if payment["invoice"] == invoice["id"]:
            intent = backend.store.get("payment_intent", str(payment["payment"].get("payment_intent") or ""))
            if intent is not None:
                return {"client_secret": intent["client_secret"], "type": "payment_intent"}
    return None


def _own_currency(price: Object) -> Object:
    """The ``currency_options`` of a price that has none: the price in its own currency."""
    fields = ("custom_unit_amount", "tax_behavior", "unit_amount", "unit_amount_decimal")
    return {price["currency"]: {name: price.get(name) for name in fields}}


def _credit(backend: Backend, customer: Object) -> dict[str, int]:
    """What there is in each currency for invoices; credit, unlike in ``balance``, is positive.

    https://docs.stripe.com/api/customers/object#customer_object-invoice_credit_balance
    """
    own = {customer["currency"]: customer["balance"]} if customer.get("currency") else {}
    others: dict[str, int] = backend.store.get(OTHER_BALANCES, str(customer["id"])) or {}
    return {name: -amount for name, amount in {**own, **others}.items() if amount}


INCLUDABLE: dict[str, dict[str, Includable]] = {
    "apps.secret": {"payload": kept("apps.secret", "payload")},
    "charge": {"refunds": belonging(("refund",), "charge", "/v1/charges/{id}/refunds")},
    "checkout.session": {
        "line_items": below("item", "/v1/checkout/sessions/{id}/line_items"),
        "total_details.breakdown": _breakdown("/v1/checkout/sessions/{id}/line_items"),
    },
    "coupon": {
        "applies_to": kept("coupon", "applies_to"),
        "currency_options": kept("coupon", "currency_options", lambda coupon: {}),
    },
    "customer": {
        "cash_balance": _cash_balance,
        "invoice_credit_balance": _credit,
        "sources": belonging(SOURCES, "customer", "/v1/customers/{id}/sources"),
        "subscriptions": _subscriptions,
        "tax": _tax,
        "tax_ids": belonging(("tax_id",), "customer", "/v1/customers/{id}/tax_ids"),
    },
    "invoice": {
        "confirmation_secret": _secret,
        "payments": belonging(("invoice_payment",), "invoice", "/v1/invoice_payments?invoice={id}"),
    },
    "item": {
        "discounts": _part("discounts"),
        "taxes": _part("taxes"),
    },
    "issuing.card": {"cvc": kept("issuing.card", "cvc"), "number": kept("issuing.card", "number")},
    "issuing.transaction": {"purchase_details": kept("issuing.transaction", "purchase_details")},
    "payment_intent": {
        "amount_details.line_items": below(
            "payment_intent_amount_details_line_item", "/v1/payment_intents/{id}/amount_details_line_items"
        )
    },
    "payment_link": {"line_items": below("item", "/v1/payment_links/{id}/line_items")},
    "plan": {"tiers": kept("plan", "tiers")},
    "price": {
        "currency_options": kept("price", "currency_options", _own_currency),
        "tiers": kept("price", "tiers"),
    },
    "quote": {
        "line_items": below("item", "/v1/quotes/{id}/line_items"),
        "total_details.breakdown": _breakdown("/v1/quotes/{id}/line_items"),
    },
    "tax.calculation": {"line_items": below("tax.calculation_line_item", "/v1/tax/calculations/{id}/line_items")},
    "tax.transaction": {"line_items": below("tax.transaction_line_item", "/v1/tax/transactions/{id}/line_items")},
}


def _external_account(backend: Backend, id: str) -> Object | None:
    """The bank account or card that an account, or the platform, is paid out to, by id."""
    home = backend.of("").store
    account = home.get("account", backend.account) if backend.account else home.get(PLATFORM, PLATFORM)
    held = ((account or {}).get("external_accounts") or {}).get("data") or []
    return next((dict(item) for item in held if item["id"] == id), None)


def _at_home(kind: str) -> Callable[[Backend, str], Object | None]:
    """The objects of ``kind`` of the platform, to which those of its accounts refer."""
    return lambda backend, id: backend.of("").store.get(kind, id)


def _refund(backend: Backend, id: str) -> Object | None:
    """A refund of the platform, or one in a connected account that a transfer's reversal made there."""
    if (own := backend.of("").store.get("refund", id)) is not None:
        return own
    for reversal in backend.store.having("transfer_reversal", "destination_payment_refund", id):
        transfer = backend.store.get("transfer", str(reversal["transfer"]))
        if transfer is not None:
            return backend.of(str(transfer["destination"])).store.get("refund", id)
    return None


def _application(backend: Backend, id: str) -> Object | None:
    """The platform's application."""
    known = backend.of("").store.get(PLATFORM, PLATFORM)
    if known is None or known["application"] != id:
        return None
    return {"id": id, "object": "application", "name": APPLICATION_NAME}


def _payment_source(backend: Backend, id: str) -> Object | None:
    """A customer's card, bank account or source, which are one union."""
    return next((found for kind in SOURCES if (found := backend.store.get(kind, id))), None)


# Finds objects by id that are stored elsewhere: within others, or in the account that they belong to.
WITHIN = {
    "application": _application,
    "external_account": _external_account,  # of bank accounts and cards, which are one union
    "payment_source": _payment_source,
    "refund": _refund,
    **{
        kind: _at_home(kind)
        for kind in ("application_fee", "balance_transaction", "charge", "fee_refund", "transfer", "transfer_reversal")
    },
}
