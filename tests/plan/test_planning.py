"""What a plan has: each change with its place, answered by what is made up; and that nothing is sent."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host import Host, UsageError
from host.apis.stripe import load
from host.events import Printed
from host.plan.plan import Plan
from tests.plan.conftest import Refusing


def printed(host: Host, code: str, **options: Any) -> tuple[Plan, list[str]]:
    """A plan, and the lines that its script printed."""
    lines: list[str] = []
    plan = host.plan(code, sinks=[lambda e: lines.append(e.text) if isinstance(e, Printed) else None], **options)
    return plan, "".join(lines).splitlines()


def test_a_change_is_answered_with_an_object_that_has_what_was_given(planned: Host, refusing: Refusing) -> None:
    """Its id begins with planned_; reading, changing and deleting it is answered from the plan, no request is sent."""
    plan, lines = printed(
        planned,
        """local c = stripe.customers.create{email = "a@x.example", metadata = {order = "7"}}
        print(c.id, c.object, c.email, c.metadata.order)
        print(stripe.customers.retrieve(c.id).email)
        stripe.customers.update(c.id, {name = "New"})
        print(stripe.customers.retrieve(c.id).name, stripe.customers.retrieve(c.id).email)
        print(stripe.customers.delete(c.id).deleted, stripe.customers.retrieve(c.id).deleted)""",
    )
    assert plan.error is None
    assert lines == [
        "planned_customer_1\tcustomer\ta@x.example\t7", "a@x.example", "New\ta@x.example", "true\ttrue"
    ]  # fmt: skip
    assert [(c.place, c.operation, c.id) for c in plan.changes] == [
        ("inline:1", "stripe.customers.create", "planned_customer_1"),
        ("inline:4", "stripe.customers.update", "planned_customer_1"),
        ("inline:6", "stripe.customers.delete", "planned_customer_1"),
    ]
    assert plan.changes[0].parameters == {"email": "a@x.example", "metadata": {"order": "7"}}
    assert refusing.reads == []


def test_made_up_objects_pass_through_builders_expansions_and_lists(planned: Host, refusing: Refusing) -> None:
    """A builder gives the planned id, an expanded member the planned object, a list of its own what the plan has."""
    plan, lines = printed(
        planned,
        """local product = new_product():name("Gold"):create()
        local price = stripe.prices.create{product = product, unit_amount = 5, currency = "eur", expand = {"product"}}
        print(price.product.name, price.currency)
        local c = stripe.customers.create{name = "A"}
        local s = stripe.subscriptions.create{customer = c.id, items = {{price = price.id}}, expand = {"customer"}}
        print(s.customer.name)
        local own = stripe.subscriptions.list{customer = c.id}
        print(#own.data, own.data[1].id)""",
    )
    assert plan.error is None
    assert lines == ["Gold\teur", "A", "1\tplanned_subscription_1"]
    assert refusing.reads == []


def test_an_object_that_is_there_is_read_and_changed_in_the_plan_alone(planned: Host, refusing: Refusing) -> None:
    """The answer has what the API has, with what was given; the next read is the plan's."""
    plan, lines = printed(
        planned,
        """local c = stripe.customers.update("cus_real", {name = "New"})
        print(c.email, c.name, c.metadata.a, stripe.customers.retrieve("cus_real").name)""",
    )
    assert lines == ["old@x.example\tNew\t1\tNew"]
    assert refusing.reads == ["GET /v1/customers/cus_real"]
    assert [c.id for c in plan.changes] == ["cus_real"]


def test_a_change_of_what_is_not_there_fails_as_it_would(planned: Host) -> None:
    """The script gets the API's own error, and there is nothing planned."""
    plan = planned.plan('local c\nc = stripe.customers.update("cus_gone", {name = "New"})')
    assert plan.error.code == "resource_missing"
    assert plan.error.line == 2
    assert plan.changes == ()
    with pytest.raises(UsageError, match="failed while it was planned"):
        plan.save("nowhere.plan")


def test_what_cannot_be_read_is_made_up_and_said(planned: Host, refusing: Refusing) -> None:
    """With the id it has: where the key may not read it, and where the run may not, which then is not asked."""
    code = 'print(stripe.customers.update("cus_closed", {name = "New"}).id)'
    plan, lines = printed(planned, code)
    assert (lines, plan.error) == (["cus_closed"], None)
    assert "could not be read" in plan.unforeseen[0].text
    asked = len(refusing.reads)
    plan, lines = printed(planned, code, permissions={"allow_ops": ["stripe.customers.update"]})
    assert (lines, plan.error, len(refusing.reads)) == (["cus_closed"], None, asked)


def test_items_of_a_reading_iterator_are_given(planned: Host) -> None:
    """Only one that writes is left out."""

    def rows(n: int) -> Iterator[int]:
        yield from range(n)

    planned.function(effect="read")(rows)
    plan, lines = printed(planned, "for n in rows(3) do print(n) end")
    assert (lines, plan.changes) == (["0", "1", "2"], ())


def test_a_script_in_a_process_of_its_own_is_planned_alike(refusing: Refusing) -> None:
    """Its calls are held on this side."""
    code = 'local c = stripe.customers.create{name = "A"} print(stripe.customers.retrieve(c.id).name)'
    with Host(stripe_secret_key="sk_test_plan", transport=refusing, isolation="process") as host:
        plan, lines = printed(host, code)
    assert (lines, [c.id for c in plan.changes]) == (["A"], ["planned_customer_1"])
    assert refusing.changes == refusing.reads == []


def test_amounts_are_summed_by_currency_and_what_nobody_knows_is_said(planned: Host) -> None:
    """A payment counts once, confirming it nothing more, a subscription is open."""
    plan = planned.plan(
        """local p = stripe.payment_intents.create{amount = 1200, currency = "usd"}
        stripe.payment_intents.confirm(p.id)
        stripe.payment_intents.create{amount = 300, currency = "usd"}
        stripe.payment_intents.create{amount = 50, currency = "eur"}
        stripe.refunds.create{payment_intent = p.id}
        stripe.subscriptions.create{customer = "cus_real", items = {{price = "price_1"}}}"""
    )
    assert plan.error is None
    assert plan.amounts == {"usd": 2700, "eur": 50}
    assert [c.operation for c in plan.changes if c.open_amount] == ["stripe.subscriptions.create"]


def test_what_cannot_be_foreseen_is_said_at_its_place(planned: Host) -> None:
    """A list that would have a planned object, and a branch on a member that nobody gave; not on one that was given."""
    plan = planned.plan(
        """local p = stripe.payment_intents.create{amount = 1, currency = "usd"}
        if p.status == "succeeded" then print("-- .id == 1") end
        if p.currency == "usd" then print("known") end
        for _, each in ipairs(stripe.payment_intents.list().data) do print(each.id) end
        local more = p.amount_received * 2 -- .status
        if http.post("https://x.example").status == 200 then print("sent") end
        print(p.id, p.metadata.a)"""
    )
    said = [(each.place, each.text) for each in plan.unforeseen]
    assert [place for place, _ in said] == ["inline:4", "inline:2", "inline:5", "inline:6"]
    assert "planned_payment_intent_1" in said[0][1]
    assert said[1][1].startswith("decides by .status")
    assert said[2][1].startswith("uses .amount_received")
    assert said[3][1].startswith("decides by .status")


def test_functions_http_sql_and_files_change_nothing(planned: Host, refusing: Refusing, tmp_path: Path) -> None:
    """Each is in the plan; what is read of a planned file or in a planned transaction is told."""
    ran: list[str] = []

    def pay(amount: int) -> str:
        ran.append("pay")
        return "x"

    def inline(amount: int) -> None:
        ran.append("inline")

    def look(n: int) -> int:
        return n + 1

    def items(n: int) -> Iterator[int]:
        ran.append("items")
        yield n

    planned.function(effect="write")(pay)
    planned.function(effect="write", inline=True)(inline)
    planned.function(effect="write")(items)
    planned.function(effect="read")(look)
    with sqlite3.connect(tmp_path / "shop.sqlite") as db:
        db.execute("CREATE TABLE t (n INTEGER)")
    db.close()
    plan, lines = printed(
        planned,
        """print(pay(3), look(1)) inline(4)
        for x in items(2) do print("never", x) end
        print(http.post("https://x.example/a", {json = {a = 1}}).json().id)
        http.get("https://x.example/f", {download = "DIR/f.bin"})
        fs.write("DIR/a.txt", "hello") print(fs.read("DIR/a.txt"), fs.exists("DIR/a.txt"))
        sql.transaction(function(tx)
          tx:execute("INSERT INTO t VALUES (1)")
          print(#tx:query("SELECT * FROM t"))
        end)
        sql.execute("DELETE FROM t")
        stripe.request("POST", "/v1/customers", {name = "raw"})""".replace("DIR", str(tmp_path)),
    )
    assert plan.error is None
    assert lines == ["planned_pay_1\t2", "planned_http_1", "hello\ttrue", "0"]
    assert [c.operation for c in plan.changes] == [
        "pay", "inline", "items", "http.post", "http.get", "fs.write", "sql.begin", "sql.execute", "sql.commit",
        "sql.execute", "stripe.customers.create",
    ]  # fmt: skip
    assert ran == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shop.sqlite"]


def test_every_change_of_the_catalog_has_an_answer_and_sends_nothing(planned: Host, refusing: Refusing) -> None:
    """Each operation of Stripe's that changes something is called by its raw request, whatever it needs."""
    catalog = load()
    operations = [catalog.operation(id) for id in catalog.operation_ids()]
    changing = [each for each in operations if each is not None and each.mutation and not each.server]
    calls = [
        f'pcall(stripe.request, "{each.method}", "{path(each.path)}", {{}})' for each in changing
    ]  # fmt: skip
    plan = planned.plan("\n".join(calls))
    assert plan.error is None
    assert len(plan.changes) == len(changing) > 300
    assert refusing.changes == []


def path(template: str) -> str:
    """A path with ids of objects that are there."""
    return "/".join("cus_real" if step.startswith("{") else step for step in template.split("/"))


STEPS = (
    'local c{n} = stripe.customers.create{{name = "a{n}"}}',
    'stripe.customers.update(last, {{name = "b{n}"}})',
    'pcall(stripe.customers.delete, last)',
    'last = new_product():name("p{n}"):create()',
    'last = stripe.customers.create{{name = "x"}}.id',
    'stripe.payment_intents.create{{amount = {n}, currency = "usd", customer = last}}',
    'pcall(stripe.refunds.create, {{charge = "ch_real", amount = {n}}})',
    'http.request{{method = "PUT", url = "https://x.example/{n}"}}',
    'http.delete("https://x.example/{n}")',
    'pcall(stripe.request, "POST", "/v1/anything/{n}", {{a = 1}})',
    'parallel(function() stripe.products.create{{name = "t"}} end, function() http.post("https://x.example/") end)',
    'pcall(stripe.customers.retrieve, last)',
    'for _ in stripe.customers.list():each() do end',
    'stripe.coupons.create{{percent_off = 5, duration = "once"}}',
    'local t = spawn(function() stripe.customers.create{{name = "late"}} end)',
    'local ok = pcall(with_timeout, 1, function() stripe.customers.update("cus_real", {{name = "w"}}) end)',
)  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_no_generated_script_has_a_change_sent(planned: Host, refusing: Refusing, seed: int) -> None:
    """Under scripts put together at random: what is no read never reaches the transport."""
    source = random.Random(seed)
    planned_changes = 0
    for _ in range(25):
        steps = [source.choice(STEPS).format(n=n) for n in range(1, source.randrange(2, 12))]
        body = "\n".join(f"pcall(function() {step} end)" if step.startswith("for") else step for step in steps)
        plan = planned.plan(f'local last = "cus_real"\n{body}')
        planned_changes += len(plan.changes)
    assert planned_changes > 25
    assert refusing.changes == []


def test_a_budget_holds_in_a_plan_and_has_all_of_it_back_afterwards(refusing: Refusing) -> None:
    """A plan that would go over it fails as the run would; making plans spends nothing."""
    code = 'stripe.payment_intents.create{amount = 60, currency = "usd"}'
    with Host(stripe_secret_key="sk_test_plan", transport=refusing, budget={"max_amount": {"usd": 100}}) as host:
        assert host.plan(f"{code} {code}").error.kind == "limit"
        for _ in range(3):
            assert host.plan(code).error is None


@pytest.mark.parametrize("name", ["durable", "run_id"])
def test_what_makes_a_run_durable_is_refused_by_name(planned: Host, name: str) -> None:
    """A plan is recorded by whoever applies it."""
    with pytest.raises(UsageError, match=name):
        planned.plan("return 1", **{name: "r" if name == "run_id" else True})
