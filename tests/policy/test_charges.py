"""The money table: every change of the catalog is in it, with every number that is called like money."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import click
import pytest
from msgspec.structs import fields, replace

from host.apis.catalog import Operation, Param, Schema
from host.apis.prepare import CallOptions, prepare
from host.apis.stripe import load
from host.cli.host_options import host_options
from host.config_file import read_config
from host.errors import LimitError, UsageError
from host.policy import units
from host.policy.budget import Budget
from host.policy.charges import BESIDE, DIRECT, FOLLOWING, UNBOUNDED, UNBOUNDED_IF, Cost, Money, cost
from host.policy.harmless_operations import MOVES_NOTHING, NO_MONEY, is_called_money, is_no_money
from host.policy.quota import Quota, Reservation
from host.policy.units import UNITS, Unit

CATALOG = load()
COUNTED = {*DIRECT, *FOLLOWING, *UNBOUNDED}


def changes() -> list[Operation]:
    found = (CATALOG.operation(id) for id in CATALOG.operation_ids())
    return [each for each in found if each is not None and each.mutation]


def parameters(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """A parameter and all inside it: ``a.b``, places in lists left out, each form once."""
    shape = CATALOG.resolve(schema)
    yield path, shape
    if path.count(".") > 7:
        return
    for name, inner in shape.properties.items():
        if path.count(f".{name}") < 2:
            yield from parameters(inner, f"{path}.{name}")
    for inner in (*shape.any_of, *((shape.items,) if shape.items else ())):
        yield from parameters(inner, path)
    if shape.additional is not None:
        yield from parameters(shape.additional, f"{path}.x")


def is_number(path: str, shape: Schema) -> bool:
    return shape.type in ("integer", "number") or (shape.type == "string" and path.endswith(("_decimal", "amount")))


def members(id: str) -> set[str]:
    """What the table reads of an operation."""
    named = [*DIRECT.get(id, ()), *FOLLOWING.get(id, ("", ""))[1:], *(each for each, _ in UNBOUNDED_IF.get(id, ()))]
    return {name.replace("[", ".").replace("]", "") for name in named}


@pytest.mark.parametrize("operation", changes(), ids=lambda each: each.id)
def test_every_change_is_known_with_every_number_called_like_money(operation: Operation) -> None:
    """A new catalog's operation or parameter is found here: read what it does, and say so in charges or harmless."""
    id = operation.id
    assert (id in COUNTED) != (id in MOVES_NOTHING), f"{id} is in neither table, or in both"
    if id in UNBOUNDED:
        return
    new = {
        path
        for name, param in operation.params.items()
        for path, shape in parameters(param.schema, name)
        if is_number(path, shape) and path not in members(id) and not is_no_money(id, path)
    }
    assert not new, f"{id} has numbers that are called like money"


def test_the_tables_name_nothing_that_is_not_there() -> None:
    """Each operation and each member is the catalog's; each exception is one for something."""
    for id in COUNTED | MOVES_NOTHING | UNBOUNDED_IF.keys():
        operation = CATALOG.operation(id)
        assert operation is not None, id
        for name in members(id) - {""}:
            assert name.partition(".")[0] in operation.params, f"{id}: {name}"
    assert UNBOUNDED_IF.keys() <= MOVES_NOTHING
    assert BESIDE.keys() <= DIRECT.keys()
    for id, names in BESIDE.items():
        assert {*names} <= CATALOG.operation(id).params.keys(), id  # type: ignore[union-attr]
    assert len(set(NO_MONEY)) == len(NO_MONEY)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("balance", True),
        ("unit_amount_decimal", True),
        ("limits.amount", True),
        ("amount.value", True),
        ("amounts", True),
        ("credit_balance.x", True),
        ("priced", False),
        ("description", False),
        ("accounting", False),
    ],
)
def test_names_of_money(name: str, expected: bool) -> None:
    """By whole words of any part of the path."""
    assert is_called_money(name) is expected


def ask(id: str, budget: Budget | None = None, operation: Operation | None = None, /, **arguments: Any) -> Reservation:
    """A call of Stripe's under a budget of ten dollars."""
    found = operation or CATALOG.operation(id)
    assert found is not None
    # The catalog remembers operations by their id: one with other parameters is another one there.
    known = found if operation is None else replace(found, id=f"{id}.{len(found.params)}.{[*found.params][-1]}")
    request = prepare(CATALOG, known, arguments, CallOptions(), base_url="https://api.stripe.com")
    quota = Quota(budget or Budget(max_amount={"usd": 1000}), "the run")
    return quota.admit(f"stripe.{id}", found.mutation, operation=found, request=request)


LIMITS = [{"amount": 500, "interval": "daily"}]
REFUSED: dict[str, Mapping[str, Any]] = {
    "customers.create": {"balance": -100_000},
    "customers.update": {"customer": "cus_1", "balance": -1},
    "customers.balance_transactions.create": {"customer": "cus_1", "amount": -100_000, "currency": "usd"},
    "billing.credit_grants.create": {
        "amount": {"type": "monetary", "monetary": {"value": 5000, "currency": "usd"}},
        "applicability_config": {"scope": {"price_type": "metered"}},
        "customer": "cus_1",
    },
    "issuing.cards.create": {"currency": "usd", "type": "virtual", "status": "active"},
    "accounts.external_accounts.create": {
        "account": "acct_1",
        "external_account": "btok_1",
        "default_for_currency": True,
    },
    "accounts.update": {"account": "acct_1", "external_account": "btok_1"},
    "invoice_items.create": {"customer": "cus_1", "amount": 1, "currency": "usd", "quantity": 5000},
    "invoices.create": {"customer": "cus_1", "automatically_finalizes_at": 1_900_000_000},
    "invoices.update": {"invoice": "in_1", "shipping_cost": {"shipping_rate": "shr_1"}},
    "payment_intents.verify_microdeposits": {"intent": "pi_1", "descriptor_code": "SM11AA"},
    "refunds.create": {"charge": "ch_1", "amount": 1, "currency": "usd"},
    "issuing.cards.update": {"card": "ic_1", "spending_controls": {"spending_limits": LIMITS}},
    "topups.create": {"amount": 1001, "currency": "usd"},
    "transfers.create": {"amount": 1001, "currency": "usd", "destination": "acct_1"},
    "payouts.create": {"amount": 1001, "currency": "usd"},
    "credit_notes.create": {"invoice": "in_1", "amount": 1},
    "subscriptions.cancel": {"subscription_exposed_id": "sub_1", "prorate": True},
    "treasury.financial_accounts.close": {
        "financial_account": "fa_1",
        "forwarding_settings": {"type": "payment_method", "payment_method": "pm_1"},
    },
    "test_helpers.customers.fund_cash_balance": {"customer": "cus_1", "amount": 1001, "currency": "usd"},
    "v2.money_management.test_helpers.financial_addresses.credit": {
        "id": "finaddr_1",
        "amount": {"value": 1001, "currency": "usd"},
        "network": "ach",
    },
}


@pytest.mark.parametrize("id", REFUSED)
def test_whatever_moves_or_credits_money_is_counted_or_refused(id: str) -> None:
    """A budget of ten dollars refuses each, and lets it through, uncounted or not, where there is none."""
    with pytest.raises(LimitError) as found:
        ask(id, **REFUSED[id])
    assert found.value.outcome == "not_sent"
    ask(id, Budget(max_mutations=1), **REFUSED[id])


@pytest.mark.parametrize(
    "arguments",
    [
        {"customer": "cus_1", "source": "tok_visa"},
        {"customer": "cus_1", "cash_balance": {"settings": {"reconciliation_mode": "automatic"}}},
    ],
)
def test_a_customer_whose_invoices_are_tried_again_is_refused(arguments: Mapping[str, Any]) -> None:
    """Stripe charges what is past due to a new source, and reconciles a cash balance by itself."""
    with pytest.raises(LimitError, match="not known before it is sent"):
        ask("customers.update", **arguments)


def test_a_refund_of_two_objects_is_known_only_if_both_were_counted() -> None:
    """The small payment intent of the run does not vouch for somebody's large charge."""
    refunds = CATALOG.operation("refunds.create")
    assert refunds is not None
    counted = {"pi_1": Money("usd", 5), "ch_1": Money("usd", 700)}

    def asked(**arguments: Any) -> Cost:
        request = prepare(CATALOG, refunds, arguments, CallOptions(), base_url="https://api.stripe.com")
        return cost(refunds, request, counted)

    assert asked(payment_intent="pi_1").money == Money("usd", 5)
    assert not asked(payment_intent="pi_1", charge="ch_other").known
    assert asked(payment_intent="pi_1", charge="ch_1").money == Money("usd", 700)


# Times that tell of something, and those from which a thing is void: nothing is done by itself then.
REPORTED_TIMES = {
    "canceled_at",
    "effective_at",
    "expires_at",
    "failed_at",
    "guaranteed_at",
    "initiated_at",
    "posted_at",
}


def test_no_time_at_which_an_api_acts_by_itself_is_let_through() -> None:
    """A change for later moves money as one for now does: a parameter that says when the API is to act is refused."""
    for id in MOVES_NOTHING:
        operation = CATALOG.operation(id)
        assert operation is not None
        refused = {each for each, _ in UNBOUNDED_IF.get(id, ())}
        acts = {name for name in operation.params if name.startswith("auto_") or name.endswith("_at")} - REPORTED_TIMES
        assert acts <= refused, f"{id} may act later: {acts - refused}"


LET_THROUGH: dict[str, Mapping[str, Any]] = {
    "customers.create": {"name": "500", "metadata": {"balance": "500", "amount": "1"}},
    "customers.update": {"customer": "cus_1", "email": "a@example.com"},
    "issuing.cards.create": {
        "currency": "usd",
        "type": "virtual",
        "spending_controls": {"spending_limits": LIMITS},
    },
    "prices.create": {"currency": "usd", "product": "prod_1", "unit_amount": 500},
    "products.create": {"name": "x", "default_price_data": {"currency": "usd", "unit_amount": 500}},
    "subscriptions.cancel": {"subscription_exposed_id": "sub_1"},
    "terminal.readers.set_reader_display": {
        "reader": "tmr_1",
        "type": "cart",
        "cart": {"currency": "usd", "line_items": [{"amount": 5, "description": "x", "quantity": 1}], "total": 5},
    },
}


@pytest.mark.parametrize("id", LET_THROUGH)
def test_what_is_known_to_be_harmless_is_not_counted(id: str) -> None:
    """A name or a note that is a number, a price list, a limit, a display."""
    assert ask(id, **LET_THROUGH[id]).money is None


def test_what_a_newer_catalog_brings_is_refused() -> None:
    """An operation in no table, and a number called like money that nobody has looked at, at any depth."""
    products = CATALOG.operation("products.create")
    assert products is not None
    whole = Schema(type="integer")
    for name, schema, value in (
        ("gift_balance", whole, 5),
        ("gift", Schema(type="object", properties={"amount": whole}), {"amount": 5}),
        ("gifts", Schema(type="array", items=Schema(type="object", properties={"credit": whole})), [{"credit": 5}]),
    ):
        newer = replace(products, params={**products.params, name: Param(name, "body", schema)})
        ask("products.create", None, newer, name="x")
        with pytest.raises(LimitError, match="not known before it is sent"):
            ask("products.create", None, newer, name="x", **{name: value})
    with pytest.raises(LimitError, match="not known before it is sent"):
        ask("products.gift", None, replace(products, id="products.gift"), name="x")
    asked = replace(products, id="products.look", method="GET")
    request = prepare(CATALOG, products, {"name": "x"}, CallOptions(), base_url="https://api.stripe.com")
    assert cost(asked, request, {}).known


def test_every_number_of_a_budget_is_a_unit() -> None:
    """A field that is forgotten in the table would bound nothing: there is none, and each is an option."""
    numbers = {field.name for field in fields(Budget)} - {"max_amount", "allow_unbounded"}
    assert {unit.field for unit in UNITS.values()} == numbers

    @click.command()
    @host_options
    def command(**_: Any) -> None: ...

    flags = {name for each in command.params for name in each.opts}
    assert flags >= {unit.flag for unit in UNITS.values()}


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_bounds_what_it_counts(name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set alone it is no empty budget, refuses the call beyond it and says which flag sets it; as does the file."""
    unit = UNITS[name]
    budget = Budget(**{unit.field: 1})
    assert not budget.empty
    assert budget.ceilings == {name: 1}
    quota = Quota(budget, "the run")
    operation = next(f"stripe.{id}" for id, _, _ in CATALOG.routes() if unit.counts(f"stripe.{id}", True))
    quota.admit(operation, True)
    with pytest.raises(LimitError) as found:
        quota.admit(operation, True)
    assert found.value.hint == f"{unit.flag} sets it."
    assert f"1 {name}" in found.value.message
    for wrong in (-1, True, 1.5, "1"):
        with pytest.raises(UsageError, match=unit.field):
            Budget(**{unit.field: wrong})
    (tmp_path / "host.toml").write_text(f"[budget]\n{unit.field} = 1\n")
    assert read_config(str(tmp_path / "host.toml")).budget == budget
    with pytest.raises(UsageError, match="is not a currency"):
        Budget(max_amount={name: 5})


def test_a_unit_added_to_the_table_is_enforced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is all that is asked: nothing else names its units."""
    monkeypatch.setitem(units.UNITS, "visits", Unit("max_calls", "--max-visits", "", lambda *_: 2))
    with pytest.raises(LimitError, match="budget of 1 visits"):
        Quota(Budget(max_calls=1), "the run").admit("stripe.products.list", False)
    assert "max_calls" not in inspect.getsource(Quota)


def test_a_unit_may_count_single_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget of refunds is a row: it counts changes of that name, and lets others through."""

    def refunds(operation: str, mutation: bool) -> int:
        return int(mutation and operation == "stripe.refunds.create")

    monkeypatch.setitem(units.UNITS, "refunds", Unit("max_calls", "--max-refunds", "", refunds))
    monkeypatch.delitem(units.UNITS, "calls")
    quota = Quota(Budget(max_calls=1), "the run")
    for label, mutation in (("stripe.products.create", True), ("stripe.refunds.list", False)):
        quota.admit(label, mutation)
        quota.admit(label, mutation)
    quota.admit("stripe.refunds.create", True)
    with pytest.raises(LimitError, match="budget of 1 refunds") as refused:
        quota.admit("stripe.refunds.create", True)
    assert refused.value.hint == "--max-refunds sets it."
