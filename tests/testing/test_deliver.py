"""``deliver`` in Lua tests and the fixture ``lua_deliver``: a handler script handles an event of the simulator's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host import InvalidCall, RunResult, ScriptError, UsageError
from host.errors import HostError
from host.testing.cases import Outcome, describe
from host.testing.suite import LuaTestFile

HANDLERS = """
on("invoice.*", function(event)
  stripe.customers.update(event.object.customer, {metadata = {access = event.type}})
end)
on("customer.created", function(event)
  print("hello", event.object.name, stripe.customers.retrieve(event.object.id).name)
end)
on("charge.failed", function(event) error("no such luck") end)
"""


@pytest.fixture
def lua(tmp_path: Path) -> Callable[..., Outcome]:
    """``lua(body)``: the outcome of a test beside the handlers."""
    (tmp_path / "shop.lua").write_text(HANDLERS)

    def run(body: str, **files: str) -> Outcome:
        for name, text in files.items():
            (tmp_path / f"{name}.lua").write_text(text)
        path = tmp_path / "shop_test.lua"
        path.write_text(f'it("is", function()\n{body}\nend)')
        file = LuaTestFile(path, "shop_test.lua", options={"simulate": True, "env_file": None})
        try:
            (outcome,) = [file.run(test) for test in file.tests()]
        finally:
            file.close()
        return outcome

    return run


@pytest.mark.parametrize(
    "body",
    [
        # of the object members that the test gives; the event comes back
        """local c = new_customer():create()
           local event = deliver("invoice.paid", {customer = c, metadata = {order = 7, rush = true}})
           assert.equals("invoice.paid", stripe.customers.retrieve(c).metadata.access)
           assert.same({"invoice.paid", c, "7", "true"}, {event.type, event.data.object.customer,
             tostring(event.data.object.metadata.order), tostring(event.data.object.metadata.rush)})
           assert.called("stripe.customers.update").times(1).with(c)""",
        # what leads to the event really happened
        """local event = deliver("invoice.payment_failed")
           local invoice = stripe.invoices.retrieve(event.data.object.id)
           assert.equals("open", invoice.status)
           assert.equals("invoice.payment_failed", stripe.customers.retrieve(invoice.customer).metadata.access)""",
        # an event of the test's own, one of what it did, and one that nobody handles
        """local c = new_customer():create()
           deliver{type = "invoice.upcoming", data = {object = {id = "in_1", customer = c}}}
           assert.equals("invoice.upcoming", stripe.customers.retrieve(c).metadata.access)
           deliver(stripe.events.list{type = "customer.created"}[1])
           deliver("payment_intent.created")""",
        # the handlers' failure is the test's, and can be expected
        """assert.error_matches(function() deliver("charge.failed") end, "no such luck")
           local err = assert.has_error(function() deliver("invoice.paid", {customer = "cus_none"}) end,
             {code = "resource_missing", status = 404})
           assert.equals("shop.lua", err.script:match("[^/]*$"))
           assert.equals(3, err.line)""",
        # doubles hold for handlers too
        """fail("stripe.customers.update", {status = 503, times = 1})
           assert.has_error(function() deliver("invoice.paid") end, {status = 503})
           stub("stripe.customers.update", function(id) return {id = id} end)
           deliver("invoice.paid")
           assert.called("stripe.customers.update").times(2)""",
    ],
    ids=["members", "happened", "given", "failure", "doubles"],
)
def test_a_handler_handles_what_is_delivered(lua: Any, body: str) -> None:
    """By the script whose test it is, on the test's own simulator."""
    outcome = lua(body)
    assert outcome.error is None, describe(outcome.error)


def test_the_handlers_may_be_in_another_file(lua: Any) -> None:
    """The third argument names it, beside the test; what it prints is the test's output."""
    other = "on('*', function(event) print('other', event.type) end)"
    outcome = lua(
        'deliver("product.created", nil, "other.lua") deliver("customer.created", {name = "Ann"})', other=other
    )
    assert outcome.error is None, describe(outcome.error)
    assert outcome.output == "other\tproduct.created\nhello\tAnn\tAnn\n"


@pytest.mark.parametrize(
    ("body", "words", "place"),
    [
        ('deliver("invoice.payed")', 'did you mean "invoice.paid"', ("shop_test.lua", 2)),
        ("deliver()", "expects an event's name", ("shop_test.lua", 2)),
        ("deliver(5)", "expects an event's name", ("shop_test.lua", 2)),
        ("deliver{data = {}}", "has no type", ("shop_test.lua", 2)),
        ('deliver({type = "x"}, {a = 1})', "change its members", ("shop_test.lua", 2)),
        ('deliver("invoice.paid", 5)', "members of the event's object", ("shop_test.lua", 2)),
        ('deliver("v1.invoice.paid", {customer = "c"})', "thin event", ("shop_test.lua", 2)),
        ('deliver("invoice.paid", {}, 7)', "path of a handler script third", ("shop_test.lua", 2)),
        ('deliver("invoice.paid", {}, "nowhere.lua")', "there is no script", ("shop_test.lua", 2)),
        ('deliver("invoice.paid", {}, "none.lua")', "none.lua: it has no on(…)", ("shop_test.lua", 2)),
        ('deliver("invoice.paid", {}, "broken.lua")', "expected", ("broken.lua", 1)),
    ],
)
def test_what_cannot_be_delivered_is_told_at_its_line(lua: Any, body: str, words: str, place: tuple[str, int]) -> None:
    """Of the test where it is the test's fault, of the handler where it is the handler's."""
    error = lua(body, none="print(1)", broken="on('*', function( end)").error
    assert error is not None
    assert words in error.message
    assert (error.script.rpartition("/")[2], error.line) == place


def test_without_a_script_of_the_test_s_name_one_has_to_be_named(lua: Any, tmp_path: Path) -> None:
    """The message says which it looked for, and what to write."""
    (tmp_path / "shop.lua").unlink()
    error = lua('deliver("invoice.paid")').error
    assert error is not None
    assert "there is no shop.lua beside shop_test.lua" in error.message
    assert '"handlers.lua"' in (error.hint or "")


def test_the_fixture_has_a_script_handle_an_event(
    lua_deliver: Callable[..., RunResult], lua_run: Callable[..., RunResult], tmp_path: Path
) -> None:
    """In Python: the run's result, or its error; an event by name or as it is."""
    path = tmp_path / "shop.lua"
    path.write_text(HANDLERS)
    customer = lua_run("return new_customer():name('Ann'):create()\n").value
    lua_deliver(path, "invoice.paid", {"customer": customer})
    assert lua_run(f"return stripe.customers.retrieve('{customer}').metadata.access\n").value == "invoice.paid"
    event = {"type": "customer.created", "data": {"object": {"id": customer, "name": "Bob"}}}
    assert lua_deliver(path, event).output == "hello\tBob\tAnn\n"
    with pytest.raises(ScriptError, match="no such luck"):
        lua_deliver(path, "charge.failed")
    failed = lua_deliver(path, "charge.failed", check=False).error
    assert failed is not None
    assert failed.line == 8
    wrong: list[tuple[Any, type[HostError]]] = [("invoice.payed", InvalidCall), ({"data": {}}, InvalidCall)]
    for given, kind in wrong:
        with pytest.raises(kind):
            lua_deliver(path, given)
    with pytest.raises(UsageError, match="there is no script"):
        lua_deliver("nowhere.lua", "invoice.paid")
