"""``""`` unsets: what was set and unset is as if it had never been set. https://docs.stripe.com/api/metadata"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from host.apis.catalog import Operation
from host.apis.stripe import load
from tests.simulator.catalog_walk import Walk, _form
from tests.simulator.test_rule import walk

# What "" leaves otherwise than it was, each with the reason.
OTHERWISE = {
    "accounts.update default_currency": "is made by the account's country, and null where it is unset",
    "plans.update product": "is given when the plan is made",
    "quotes.update customer": "is given when the quote is made",
}
CATALOG = load()
UPDATES = [op for op in walk(CATALOG).operations("update") if not op.path.startswith("/v2/")]


def unset(asked: Walk, op: Operation) -> Iterator[str]:
    """Names of the parameters that were set and unset, and are not what they were."""
    path, shape = asked.path(op), asked.plan(op.id).shape
    members = asked.catalog.resolve(shape).properties if shape is not None else {}
    for name, param in op.params.items():
        if param.location == "path" or name not in members:
            continue
        status, before = asked.api.ask("GET", path, "")
        if status != 200:
            return
        set_to, _ = asked.api.ask(op.method, path, _form({name: asked.example(param.schema, name)}))
        status, after = asked.api.ask(op.method, path, f"{name}=")
        if (set_to, status) == (200, 200) and after.get(name) != before.get(name):
            yield name


@pytest.mark.parametrize("id", [op.id for op in UPDATES])
def test_what_is_unset_is_as_if_it_was_never_set(stripe, id: str) -> None:
    """What is unset is as if it was never set."""
    asked = walk(stripe)
    op = stripe.operation(id)
    assert [name for name in unset(asked, op) if f"{id} {name}" not in OTHERWISE] == []


def test_a_list_that_cannot_be_unset_is_refused(api) -> None:
    """Where the document has no "" for it, as Stripe's refusal says."""
    made = api.post("/v1/webhook_endpoints", "url=https://example.com&enabled_events[]=*")
    status, error = api.error("POST", f"/v1/webhook_endpoints/{made['id']}", "enabled_events=")
    assert (status, error["code"], error["param"]) == (400, "parameter_invalid_empty", "enabled_events")


@pytest.mark.parametrize("prefix", ["", "AB", "abc", "A-1", "A" * 13])
def test_a_prefix_of_invoices_has_its_form(api, prefix: str) -> None:
    """A prefix of invoices has its form. https://docs.stripe.com/api/customers/create#create_customer-invoice_prefix"""
    status, error = api.error("POST", "/v1/customers", f"invoice_prefix={prefix}")
    assert (status, error["param"]) == (400, "invoice_prefix")
    assert api.post("/v1/customers", "invoice_prefix=AB1")["invoice_prefix"] == "AB1"
