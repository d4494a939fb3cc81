"""Effects that behaviours state are real: with the parameter something is otherwise than without it."""

from __future__ import annotations

from typing import Any

import pytest

from host.simulator import effects
from host.simulator.stripe.behaviours import MODEL
from tests.simulator.catalog_walk import Walk
from tests.simulator.test_rule import BEYOND, differences, walk

# Parameters whose effect needs more than this test gives, each with what it is.
_PRORATED = "is seen where a change is prorated in the midst of a period"
_AUTHENTICATED = "is seen where a payment asks for authentication"
_UNPAID = "decides what becomes of a change whose payment fails"
_ASKED = "is seen by an endpoint that is asked about the purchase"
_HELD = "filters what its owner has: test_rule.py looks at every filter of every list"
NEEDS_MORE: dict[str, str] = {
    "accounts.external_accounts.list object": _HELD,
    "customers.payment_sources.list object": _HELD,
    "v2.core.accounts.list applied_configurations": _HELD,
    "v2.core.accounts.list closed": _HELD,
    "customers.payment_sources.create validate": "is about cards that their bank declines",
    "identity.verification_sessions.create return_url": "is where the page of the session leads back to",
    "invoice_items.create unit_amount_decimal": "is the amount of an item that has no other",
    "invoices.create pending_invoice_items_behavior": "takes items that wait for an invoice",
    "invoice_items.update amount": "is what it was where it is the same",
    "invoices.pay off_session": _AUTHENTICATED,
    "payment_intents.create error_on_requires_action": _AUTHENTICATED,
    "payment_intents.create off_session": _AUTHENTICATED,
    "payment_intents.create return_url": _AUTHENTICATED,
    "payment_intents.create use_stripe_sdk": _AUTHENTICATED,
    "prices.create transfer_lookup_key": "moves a key that another price has",
    "prices.update transfer_lookup_key": "moves a key that another price has",
    "setup_intents.create return_url": _AUTHENTICATED,
    "setup_intents.create use_stripe_sdk": _AUTHENTICATED,
    "subscription_items.create payment_behavior": _UNPAID,
    "subscription_items.delete payment_behavior": _UNPAID,
    "test_helpers.issuing.authorizations.create is_amount_controllable": _ASKED,
    "test_helpers.issuing.authorizations.increment is_amount_controllable": _ASKED,
    "subscription_items.update off_session": _AUTHENTICATED,
    "subscription_items.update payment_behavior": _UNPAID,
    "subscription_items.update proration_date": _PRORATED,
    "subscription_schedules.update proration_behavior": _PRORATED,
    "subscriptions.cancel invoice_now": _PRORATED,
    "subscriptions.create currency": "chooses among the currencies of a price that has several",
    "subscriptions.create off_session": _AUTHENTICATED,
    "subscriptions.create payment_behavior": "decides what happens when the first payment fails",
    "subscriptions.create proration_behavior": "is about the time before the first full period",
    "subscriptions.create trial_from_plan": "is about plans with a trial",
    "subscriptions.update off_session": _AUTHENTICATED,
    "subscriptions.update payment_behavior": _UNPAID,
    "subscriptions.update proration_behavior": _PRORATED,
    "subscriptions.update proration_date": _PRORATED,
}


def state(asked: Walk) -> dict[str, list[Any]]:
    """All objects of a simulator by kind, in order of creation."""
    store = asked.simulator.store
    return {kind: [store.get(kind, id) for id in group.order] for kind, group in store._kinds.items()}


def values(asked: Walk, schema: Any, name: str) -> list[Any]:
    """What to try for a parameter: all its words, both truths, or one example with all its members."""
    full = asked.catalog.resolve(schema)
    if full.enum:
        return [word for word in full.enum if word != ""][:8]
    if full.type == "boolean":
        return [True, False]
    found = asked.example(schema, name, full=True)
    return [found, found + 1] if full.type == "integer" else [found]


STATED = sorted(
    {
        (id, path.partition(".")[0].partition("=")[0])
        for id, paths in MODEL.effects.items()
        for path in paths
        if id not in BEYOND and not id.startswith("payment_pages.")  # no operation of the API: the simulator's own page
    }
)


@pytest.mark.parametrize(("id", "name"), STATED)
def test_a_stated_effect_can_be_seen(stripe, id: str, name: str) -> None:
    """Of a parameter's values one makes the answer, or what is stored, another; or one is refused as wrong."""
    op = stripe.operation(id)
    plain = walk(stripe)
    least = plain.least(op)
    if name in least or f"{id} {name}" in NEEDS_MORE:
        return  # without it nothing would be done at all, or see there
    count = len(values(plain, op.params[name].schema, name))
    without = None
    for n in range(count):
        asked, other = walk(stripe), walk(stripe)
        for each in (asked, other):  # both worlds have what the request names
            each.least(op)
            each.path(op)
            values(each, op.params[name].schema, name)
        value = values(asked, op.params[name].schema, name)[n]
        status, answer = asked.ask(id, {**asked.least(op), name: value})
        if without is None:
            without = other.ask(id), state(other)
            if without[0][0] != 200:
                return  # the least is not enough to do it, so that nothing can be told of more
        if status != 200 or list(differences([(status, answer), state(asked)], list(without))):
            return
    pytest.fail(f"{name} of {id} has no effect that can be seen")


@pytest.mark.parametrize(
    ("given", "answer", "found"),
    [
        ({"name": "x"}, {"name": "x"}, []),
        ({"name": "x"}, {"name": "y"}, ["name"]),
        ({"on": False}, {}, ["on"]),
        ({"n": 1}, {"n": True}, ["n"]),
        ({"amount": "10.50"}, {"amount": "10.5"}, []),
        ({"customer": "cus_1"}, {"customer": {"id": "cus_1"}}, []),
        ({"payment_method": "pm_card_visa"}, {"payment_method": "pm_1"}, []),
        ({"payment_method": "pm_card_visa"}, {"payment_method": None}, ["payment_method"]),
        ({"email": None}, {"email": None}, []),
        ({"email": None}, {"email": "a@example.com"}, ["email"]),
        ({"metadata": {"a": "1", "b": ""}}, {"metadata": {"a": "1"}}, []),
        ({"items": [{"price": "p", "tax": 1}]}, {"items": {"data": [{"price": {"id": "p"}}]}}, ["items[0][tax]"]),
        ({"tags": ["b", "a"]}, {"tags": ["a", "b"]}, []),
        ({"tags": ["c"]}, {"tags": ["a", "b"]}, ["tags[0]"]),
        ({"how": "none"}, {}, []),
        ({"how": "all"}, {}, ["how"]),
        ({"deep": {"one": 1, "two": 2}}, {}, ["deep[two]"]),
        ({"moved": "here"}, {"there": {"it": "here"}}, []),
        ({"moved": "here"}, {"there": {"it": "elsewhere"}}, ["moved"]),
    ],
)
def test_what_is_given_shows_or_is_handled(given: dict[str, Any], answer: Any, found: list[str]) -> None:
    """Each given leaf is looked for at its place, as the same value in the form answers have."""
    handled = frozenset({"how=none", "deep.one"})
    assert list(effects.dropped(given, answer, handled, {"moved": "there.it"})) == found
