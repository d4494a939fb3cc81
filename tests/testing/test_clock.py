"""``clock`` in Lua tests: the simulator's time, and what is due in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from host.errors import ScriptError
from host.testing.cases import describe
from host.testing.suite import LuaTestFile
from tests.apis.documents import answers, small, takes

HOUR, DAY = 3600, 86400


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """``run(body)``: the error that a test with this body fails with, if it does."""

    def run(body: str, **options: Any) -> ScriptError | None:
        path = tmp_path / "a_test.lua"
        path.write_text(f'it("is", function()\n{body}\nend)')
        file = LuaTestFile(path, "a_test.lua", options=options)
        try:
            return file.run(file.tests()[0]).error
        finally:
            file.close()

    return run


def holds(error: ScriptError | None) -> None:
    assert error is None, describe(error)


@pytest.mark.parametrize(
    ("amount", "seconds"),
    [
        ("60", 60),
        ("0", 0),
        ('"3 days"', 3 * DAY),
        ('"1 day"', DAY),
        ('"90 seconds"', 90),
        ('"2 hours 30 minutes"', 2 * HOUR + 1800),
        ('"1 day, 2 hours and 5 min"', DAY + 2 * HOUR + 300),
        ('"1.5 hours"', HOUR + 1800),
        ('"12h"', 12 * HOUR),
        ('" 2 WEEKS "', 14 * DAY),
    ],
)
def test_an_amount_of_time_passes(run: Any, amount: str, seconds: int) -> None:
    """Seconds, or a text as one says it; advance gives the time it is then, and new objects are made at it."""
    holds(
        run(f"""
        local before = clock.now()
        assert.near(before + {seconds}, clock.advance({amount}), 1)
        assert.near(before + {seconds}, clock.now(), 1)
        assert.near(before + {seconds}, stripe.products.create {{ name = "x" }}.created, 1)
        """)
    )


@pytest.mark.parametrize(
    ("amount", "at"), [("1 month", "2027-02-28"), ("1 year", "2028-01-31"), ("2 months 1 day", "2027-04-01")]
)
def test_months_are_those_of_the_calendar(run: Any, amount: str, at: str) -> None:
    """From the last of January one month is the last of February, as a subscription's period is."""
    from host.apis.stripe import load
    from host.simulator.simulator import Simulator

    simulator = Simulator(load(), clock=lambda: 1_801_396_800.0)  # 2027-01-31, noon
    body = f'assert.equals("{at}", os.date("!%Y-%m-%d", clock.advance("{amount}")))'
    holds(run(body, simulator=simulator))


def test_what_is_due_happens(run: Any) -> None:
    """A subscription renews, and its second invoice is paid, though a test takes no time."""
    holds(
        run("""
        local customer = new_customer():payment_method("pm_card_visa")
        customer:create()
        local card = stripe.payment_methods.list { customer = customer.id }[1].id
        stripe.customers.update(customer.id, { invoice_settings = { default_payment_method = card } })
        local price = new_price():currency("usd"):amount(1000):recurring("month"):product_data { name = "P" }:create()
        local subscription = new_subscription():customer(customer.id):add_price(price):create()
        assert.equals(1, #stripe.invoices.list { subscription = subscription })
        clock.advance("1 month")
        clock.advance("2 hours")
        local invoices = stripe.invoices.list { subscription = subscription }
        assert.same({ 2, "paid" }, { #invoices, invoices[1].status })
        """)
    )


NO_AMOUNTS = (
    "",
    "nil",
    "true",
    "{}",
    "-5",
    "0 / 0",
    "1 / 0",
    "1e300",
    '""',
    '"x"',
    '"5"',
    '"-1 day"',
    '"3 dayz"',
    '"day"',
    '"1.5 months"',
    '"11 years"',
    '"999999999 weeks"',
    '("9"):rep(400) .. " days"',
)


@pytest.mark.parametrize("amount", NO_AMOUNTS)
def test_what_is_no_amount_is_refused(run: Any, amount: str) -> None:
    """At the line of the test, with what was given and what is expected; no time passes."""
    holds(
        run(f"""
        local before = clock.now()
        local ok, err = pcall(clock.advance, {amount or "nil"})
        assert.is_false(ok)
        assert.matches("^a_test.lua:%d+: clock.advance", tostring(err))
        assert.near(before, clock.now(), 1)
        """)
    )


def test_all_simulated_apis_keep_one_time(run: Any) -> None:
    """An API that was added has its objects made at the time that it is for Stripe."""
    text = {"type": "string"}
    members = {"id": text, "name": text, "created_at": {**text, "format": "date-time", "readOnly": True}}
    pet = {"type": "object", "properties": members, "required": ["created_at"]}
    pets = small({"/pets": {"post": {"requestBody": takes(pet), "responses": answers(pet)}}})
    holds(
        run(
            """
            local pet = function() return small.pets.create { name = "Rex" }.created_at end
            local before = pet()
            clock.advance("1 year")
            assert.equals(tonumber(before:sub(1, 4)) + 1, tonumber(pet():sub(1, 4)))
            """,
            apis={"small": pets},
        )
    )


def test_outside_of_a_test_there_is_no_clock(tmp_path: Path) -> None:
    """A file is loaded twice by pytest, once to learn its tests."""
    (tmp_path / "a_test.lua").write_text('clock.advance("1 day")')
    file = LuaTestFile(tmp_path / "a_test.lua", "a_test.lua")
    with pytest.raises(ScriptError, match="inside a test, before_each or setup"):
        file.tests()
    file.close()


def test_a_replayed_test_sees_the_recorded_time(run: Any, tmp_path: Path) -> None:
    """clock.now() is part of what was recorded, so comparisons with objects' times hold without a simulator."""
    body = """
        clock.advance("10 days")
        assert.near(clock.now(), stripe.products.create { name = "x" }.created, 2)
    """
    cassette = str(tmp_path / "c.jsonl")
    holds(run(body, record=cassette))
    holds(run(body, simulate=False, replay=cassette))


def test_the_real_api_has_its_own_time(run: Any) -> None:
    """``clock.advance`` without the simulator fails with an error that says the tests call the API itself."""
    error = run('clock.advance("1 day")', simulate=False, stripe_secret_key="sk_test_51AbCdEfGhIjKlMnOpQr4242")
    assert error is not None
    assert "these tests call the API itself" in error.message
