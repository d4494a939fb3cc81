"""What fixtures created is taken back by the rules of undoing runs."""

from __future__ import annotations

from typing import Any

import pytest

from host import Host, ScriptError
from host.apis.stripe import load
from host.simulator.fault_injection import Faults, Rates
from host.simulator.simulator import Simulator
from host.testing.undo import CreatedObjects, Made, undo


def made_by(host: Host, ledger: CreatedObjects, code: str) -> Any:
    return host.run_source(code).raise_for_error().value


def test_all_that_has_an_inverse_is_taken_back_last_first() -> None:
    """Deleted, cancelled or set inactive; a payment that went through stays, and is no failure."""
    ledger = CreatedObjects()
    with Host(simulate=True, sinks=[ledger]) as host:
        value = made_by(
            host,
            ledger,
            """
            local c = stripe.customers.create{email = "a@example.com"}
            local product = stripe.products.create{name = "Tea"}
            local price = stripe.prices.create{product = product.id, currency = "usd", unit_amount = 500}
            local paid = stripe.payment_intents.create{amount = 500, currency = "usd", confirm = true,
              payment_method = "pm_card_visa", automatic_payment_methods = {enabled = true, allow_redirects = "never"}}
            local open = stripe.payment_intents.create{amount = 500, currency = "usd"}
            return {c = c.id, product = product.id, price = price.id, paid = paid.id, open = open.id}
            """,
        )
        assert [each.operation.split(".")[1] for each in ledger.made] == [
            "customers", "products", "prices", "payment_intents", "payment_intents",
        ]  # fmt: skip
        undo(host, ledger.made)
        after = made_by(
            host,
            CreatedObjects(),
            f"""
            local product = try(stripe.products.retrieve, "{value["product"]}")
            return {{stripe.customers.retrieve("{value["c"]}").deleted, product == nil or not product.active,
              stripe.prices.retrieve("{value["price"]}").active,
              stripe.payment_intents.retrieve("{value["paid"]}").status,
              stripe.payment_intents.retrieve("{value["open"]}").status}}
            """,
        )
    assert after == [True, True, False, "succeeded", "canceled"]


def test_what_could_not_be_taken_back_is_said() -> None:
    """A server that fails is a failure of the fixture, naming the thing."""
    simulator = Simulator(load())
    ledger = CreatedObjects()
    with Host(simulator=simulator, sinks=[ledger], api_limits="stripe: retries=0") as host:
        made_by(host, ledger, 'stripe.customers.create{email = "a@example.com"}')
        simulator._faults = Faults(Rates(error_before=1.0))
        with pytest.raises(ScriptError, match=r"not undone: stripe\.customers\.create cus_"):
            undo(host, ledger.made)
        simulator._faults = None


def test_what_has_no_inverse_is_left_alone() -> None:
    """Nothing made, an operation without an inverse, and a function of a creation's name: no script is run."""
    runs: list[object] = []
    with Host(simulate=True, sinks=[runs.append]) as host:
        undo(host, [])
        undo(host, [Made("r", "stripe.charges.create", "ch_1", {}), Made("r", "tickets.create", "7", {})])
    assert runs == []
