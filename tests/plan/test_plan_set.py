"""A plan of several runs: one after the other, in one file, applied in order and each change once."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from host import Budget, Host, RunResult, UsageError
from host.plan.plan_set import MOST_CHANGES, PlanSection, PlanSet, PlanTotals, PlanWriter
from host.plan.rendering import PlanRenderer
from tests.durable.lab import Lab

SCRIPT = """
local price = once(function()
  local product = new_product():name("Gold"):create()
  return stripe.prices.create{product = product, unit_amount = 500, currency = "eur"}.id
end)
local customer = stripe.customers.create{name = row.name, metadata = {price = price, at = os.time()}}
stripe.payment_intents.create{amount = 500, currency = "eur", customer = customer.id}
return customer.id
"""
ROWS = [{"name": name} for name in ("Ann", "Bob", "Cyd")]


def jobs(code: str = SCRIPT, rows: Any = ROWS) -> list[dict[str, Any]]:
    return [{"code": code, "globals": {"row": row}} for row in rows]


def written(host: Host, path: Path, given: Any = None) -> list[PlanSection]:
    """Plan jobs into a file."""
    found = []
    with PlanWriter(path) as writer:
        for number, plan in enumerate(host.plan_many(jobs() if given is None else given), 1):
            assert plan.error is None
            found.append(PlanSection(number, f"rows.csv:{number + 1}", plan))
            writer.add(found[-1])
        writer.finish()
    return found


def applied(host: Host, path: Path) -> list[RunResult]:
    return list(host.apply_many(path))


def test_all_runs_are_planned_and_applied_in_their_order(lab: Lab, tmp_path: Path) -> None:
    """What the first does once the others name by its planned id, and get the real one for; again, nothing is done."""
    file = tmp_path / "a.plan"
    with lab.host() as host:
        sections = written(host, file)
        assert lab.made() == 0
        assert [len(section.plan.changes) for section in sections] == [4, 2, 2]
        assert [change.id for change in sections[1].plan.changes] == ["planned_customer_2", "planned_payment_intent_2"]
        assert sections[2].plan.changes[0].parameters["metadata"]["price"] == "planned_price_1"
        results = applied(host, file)
        assert [result.error for result in results] == [None] * 3
        assert [result.job.number for result in results] == [1, 2, 3]
        made = lab.made()
        assert [result.value for result in applied(host, file)] == [result.value for result in results]
    assert made == lab.made()
    customers = [id for kind, id in lab.api.ledger() if kind == "customer"]
    assert [result.value for result in results] == customers
    prices = [id for kind, id in lab.api.ledger() if kind == "price"]
    assert len(prices) == 1
    for id in customers:
        found = lab.api.store.get("customer", id)
        assert found is not None
        assert found["metadata"]["price"] == prices[0]


def test_the_file_gives_the_same_plans_and_is_for_its_owner(lab: Lab, tmp_path: Path) -> None:
    """Written and read run by run; it knows what its runs share."""
    file = tmp_path / "a.plan"
    with lab.host() as host:
        sections = written(host, file)
    found = PlanSet(file)
    assert PlanSet.is_one(file)
    assert found.runs == 3
    assert found.shared == ["planned_price_1"]
    assert list(found.sections()) == sections
    assert len(found.scripts) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.glob("*plan*")] == ["a.plan"]


def test_wherever_it_breaks_off_each_change_is_made_once(lab: Lab, tmp_path: Path) -> None:
    """Each run's log is cut behind each of its records in turn, with all that came later: gone on with in a new host,
    it makes what is left."""
    file = tmp_path / "a.plan"
    with lab.host() as host:
        written(host, file)
        assert all(result.ok for result in applied(host, file))
    id, made = PlanSet(file).id, lab.made()
    for number in (1, 2, 3):
        run = f"{id}.{number}"
        length = len(lab.sql("SELECT seq FROM luahost_record WHERE run = ?", run))
        for after in range(length):
            lab.break_off(after, run)
            for later in range(number + 1, 4):
                lab.break_off(0, f"{id}.{later}")
            shared = lab.sql("SELECT n FROM luahost_record WHERE run = ? AND kind = 'answer'", f"{id}.1")
            if number == 1 and len(shared) < 3:  # what the first run had made by then
                lab.sql("DELETE FROM luahost_record WHERE run = ?", f"{id}#real")
                lab.sql("DELETE FROM luahost_record WHERE run = ? AND seq > 1", f"{id}#once")
            with lab.host() as host:
                results = applied(host, file)
            assert [result.error for result in results] == [None] * 3, (number, after)
            assert lab.made() == made, (number, after)


def test_it_stops_at_the_first_run_that_differs(lab: Lab, tmp_path: Path) -> None:
    """How is said; what comes behind is not begun, and the command given again comes to the same."""
    code = (
        "if row.name ~= 'Bob' or not real() then new_customer():name(row.name):create() else new_coupon():create() end"
    )
    file, is_real = tmp_path / "a.plan", False
    with lab.host() as host:
        host.function(lambda: is_real, name="real", effect="read", inline=True)
        written(host, file, jobs(code))
        is_real = True
        for _ in range(2):
            results = applied(host, file)
            assert [result.ok for result in results] == [True, False]
            error = results[1].error
            assert error is not None
            assert error.kind in ("unplanned", "interrupted")
            assert "stripe.coupons.create in place of stripe.customers.create" in error.message
            assert lab.made() == 1


def test_a_file_that_was_changed_is_refused(lab: Lab, tmp_path: Path) -> None:
    """A byte anywhere, a line left out or put twice, its end cut off, another file: each is noticed before anything."""
    file = tmp_path / "a.plan"
    with lab.host() as host:
        written(host, file)
        lines = file.read_bytes().splitlines(keepends=True)
        whole = b"".join(lines)
        wrong = [
            whole.replace(b'"unit_amount":500', b'"unit_amount":900'),
            whole.replace(b"Ann", b"Amy"),
            b"".join(lines[:2] + lines[3:]),
            b"".join([*lines[:3], lines[2], *lines[3:]]),
            b"".join(lines[:-1]),
            whole[:-10],
            whole + lines[-2],
            b'{"format":2,}',
            b'{"format":2,"x":1}\n{"run":1}\n',
            b'{"format":3,"base":"","mode":"","account":""}\n',
            b'{"id":"plan_1"}\n',
            b'{"id":"plan_1","shared":7}\n',
            b"\xff" * 10,
            b"",
            b'{"format":2,"base":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
            *(whole[:end] for end in range(0, len(whole), 37)),
        ]
        for text in wrong:
            file.write_bytes(text)
            with pytest.raises(UsageError, match=r"changed|not a plan"):
                applied(host, file)
        written(host, file, jobs(rows=[{"name": f"N{n}"} for n in range(30)]))
        results = host.apply_many(file)
        assert next(results).ok
        file.write_bytes(file.read_bytes().replace(b"N29", b"N92"))
        with pytest.raises(UsageError, match="changed while it was being applied"):
            list(results)
    assert [kind for kind, _ in lab.api.ledger()].count("customer") == 29


def test_another_mode_or_script_is_refused(lab: Lab, tmp_path: Path) -> None:
    """As for a plan of one run: before anything is begun."""
    script, file = tmp_path / "a.lua", tmp_path / "a.plan"
    script.write_text("new_coupon():create()")
    with lab.host() as host:
        written(host, file, [script, script])
        script.write_text("new_coupon():percent_off(5):create()")
        with pytest.raises(UsageError, match="has changed since the plan was made"):
            applied(host, file)
    with Host(stripe_secret_key="sk_test_x", journal=lab.path) as other, pytest.raises(UsageError, match="simulator"):
        applied(other, file)
    with pytest.raises(UsageError, match="cannot be read"):
        PlanSet(tmp_path / "none.plan")


def test_later_runs_see_what_earlier_ones_are_to_make(lab: Lab) -> None:
    """An object of another run is read from the plan; a list that would have it says so."""
    first = 'stripe.coupons.create{id = "own", percent_off = 5, duration = "once"}'
    second = 'stripe.coupons.list{} return stripe.coupons.retrieve("own").percent_off'
    with lab.host() as host:
        plans = list(host.plan_many([{"code": first}, {"code": second}]))
        assert [plan.error for plan in plans] == [None, None]
        assert any("without the plan's changes to" in each.text for each in plans[1].unforeseen)


def test_the_runs_of_a_plan_spend_a_budget_together(lab: Lab) -> None:
    """What two runs may do and three may not, a plan of three shows; made or given up, it gives back all it took."""
    pay = {"code": 'stripe.payment_intents.create{amount = 100, currency = "jpy"}'}
    with lab.host(budget=Budget(max_amount={"jpy": 250})) as host:
        for _ in range(2):
            errors = [plan.error for plan in host.plan_many([pay, pay, pay])]
            assert errors[:2] == [None, None]
            assert errors[2] is not None
            assert "has a budget of 250 jpy, of which 50 are left" in errors[2].message
        begun = host.plan_many([pay, pay])
        next(begun)
        begun.close()  # type: ignore[attr-defined]
        with pytest.raises(UsageError):
            list(host.plan_many([pay, {"code": "return 1", "globals": {"x": object()}}]))
        assert [plan.error for plan in host.plan_many([pay, pay])] == [None, None]
        assert host.plan(pay["code"]).error is None
        assert host.plan(pay["code"] + pay["code"]).error is None


def test_a_run_that_fails_leaves_no_file(lab: Lab, tmp_path: Path) -> None:
    """Nobody knows what comes behind it: the writer refuses, and takes what it wrote away."""
    file = tmp_path / "a.plan"
    file.write_text("before")
    with lab.host() as host:
        plans = list(host.plan_many([{"code": "new_coupon():create()"}, {"code": "error('x')"}]))
        with PlanWriter(file) as writer:
            writer.add(PlanSection(1, "", plans[0]))
            with pytest.raises(UsageError, match="the plan is incomplete"):
                writer.add(PlanSection(2, "", plans[1]))
    assert file.read_text() == "before"
    assert [each.name for each in tmp_path.glob("*plan*")] == ["a.plan"]


def test_a_plan_of_no_runs_is_not_written(tmp_path: Path) -> None:
    """A file of rows without rows, as a rule."""
    with PlanWriter(tmp_path / "a.plan") as writer, pytest.raises(UsageError, match="no runs"):
        writer.finish()
    assert list(tmp_path.iterdir()) == []


def test_a_plan_has_a_bound(lab: Lab) -> None:
    """Beyond it the plan is refused, with what to do; of what was counted before nothing is lost."""
    with lab.host() as host:
        (plan,) = host.plan_many([{"code": "for _ = 1, 3 do new_coupon():create() end"}])
    totals = PlanTotals()
    totals.changes = MOST_CHANGES - 3
    totals.add(plan)
    with pytest.raises(UsageError, match="more than 100,000 changes, after 2 runs"):
        totals.add(plan)


def test_the_statement_has_each_run_and_the_totals(lab: Lab) -> None:
    """As text, and as lines of JSON; what cannot be foreseen is said once in text and each time in JSON."""
    code = 'local p = stripe.payment_intents.create{amount = 5, currency = "usd"}\nif p.status == "x" then end'
    with lab.host() as host:
        plans = list(host.plan_many([{"code": code}] * 3))
    totals = PlanTotals()
    text, lines = PlanRenderer(3, as_json=False), PlanRenderer(3, as_json=True)
    said, objects = "", []
    for number, plan in enumerate(plans, 1):
        totals.add(plan)
        section = PlanSection(number, f"r.csv:{number + 1}", plan)
        said += text.section(section)
        objects.append(json.loads(lines.section(section)))
    said += text.end(totals)
    assert said.startswith("Plan of 3 runs for the simulator\n\n== 1. inline (r.csv:2): 1 change, 0 reads\n")
    assert said.count("decides by .status") == 1
    assert said.endswith(
        "In all: 3 changes, 0 reads in 3 runs\nAmounts, in minor units: usd 15\n"
        "2 more lines that cannot be foreseen, like those above; --json shows all\n"
    )
    assert [each["number"] for each in objects] == [1, 2, 3]
    assert all(each["unforeseen"] for each in objects)
    assert json.loads(lines.end(totals)) == {
        "event": "summary", "runs": 3, "changes": 3, "reads": 0, "open_amounts": 0, "failed": 0, "amounts": {"usd": 15},
    }  # fmt: skip
