"""Budgets over a break: what was counted before is counted once, and refusals are told again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from host import Budget, RunResult
from host.policy.daily_spending import default_path
from tests.durable.lab import Lab

PAYMENTS = """
local function pay(amount, method)
  return try(stripe.payment_intents.create, {amount = amount, currency = "usd", payment_method = method,
    confirm = true})
end
local out = {}
local function note(paid, err) out[#out + 1] = paid and "paid" or err.kind .. " " .. (err.code or "") return paid end
note(pay(80, "pm_card_chargeDeclined"))  -- costs nothing
local first = note(pay(80, "pm_card_visa"))
note(pay(30, "pm_card_visa"))            -- beyond the budget
new_product():name("x"):create()
note(try(stripe.refunds.create, {payment_intent = first.id, amount = 10}))
note(pay(20, "pm_card_visa"))
note(pay(1, "pm_card_visa"))
return out
"""


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def today(unit: str) -> int:
    with sqlite3.connect(default_path()) as db:
        found = db.execute("select amount from spent where unit = ?", (unit,)).fetchone()
    db.close()
    return int(found[0]) if found else 0


def test_a_run_broken_off_anywhere_has_the_same_left(lab: Lab) -> None:
    """Declined, paid, refused by the budget: resumed from any record the run is told the same, under a budget
    of the run and of the host."""
    budget = Budget(max_amount={"usd": 100}, max_calls=8)
    whole = lab.run(PAYMENTS, budget=budget)
    assert whole.error is None, whole.error
    assert whole.value[:3] == ["api card_declined", "paid", "limit "]
    assert "limit " in whole.value[4:]
    made = lab.made()
    rows = lab.sql("SELECT * FROM luahost_record")
    for after in range(len(rows)):
        lab.sql("DELETE FROM luahost_record")
        for row in rows:
            lab.sql(f"INSERT INTO luahost_record VALUES ({', '.join('?' * len(row))})", *row)
        lab.break_off(after)
        if after % 2:
            again = lab.resume(budget=budget)
        else:
            with lab.host(budget=budget) as host:
                again = host.resume("r")
        assert again.error is None, (after, again.error)
        assert (again.value, lab.made()) == (whole.value, made), after


def test_a_day_counts_a_call_once(lab: Lab) -> None:
    """What was counted before the break is not counted again when it is answered from the journal."""
    daily = {"daily_budget": Budget(max_mutations=100, max_amount={"usd": 1000})}
    code = PAYMENTS.replace("-- beyond the budget", "")
    with lab.host(**daily) as host:
        whole = host.run_source(code, run_id="r")
    assert whole.error is None, whole.error
    before = today("usd"), today("mutations"), today("calls")
    lab.break_off(lab.log()[-1][0])
    with lab.host(**daily) as host:
        assert host.resume("r").value == whole.value
    assert (today("usd"), today("mutations"), today("calls")) == before
    assert before[1] > 0


def test_a_run_that_a_days_budget_ended_goes_on_on_the_next_day(lab: Lab) -> None:
    """The refusal is not told again once there is something left; what was caught is."""
    daily = {"daily_budget": Budget(max_mutations=2)}
    code = """
      local a = new_product():name("a"):create()
      local b = new_product():name("b"):create()
      local c = new_product():name("c")
      local caught = not pcall(c.create, c)
      return {caught, new_product():name("d"):create()}"""

    def resumed() -> RunResult:
        with lab.host(**daily) as host:
            return host.run_source(code, run_id="r")

    first = resumed()
    assert first.error is not None
    assert "today has a budget of 2 mutations" in first.error.message
    again = resumed()
    assert again.error is not None
    assert again.error.message == first.error.message
    with sqlite3.connect(default_path()) as db:
        db.execute("update spent set day = '2001-01-01'")
    db.close()
    last = resumed()
    assert last.error is None, last.error
    assert last.value[0] is True
    assert last.value[1].startswith("prod_")
    assert lab.made() == 3
