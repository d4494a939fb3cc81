"""The pytest plugin, in projects of their own."""

from __future__ import annotations

import subprocess
import sys

from tests.testing.conftest import CONFTEST, ROOT, Project

ORDERS = """\
local made = {}

describe("an order", function()
  setup(function() made.product = new_product():name("Tea"):create() end)

  it("passes", function()
    assert.matches("^prod_", made.product)
  end)

  it("fails", function()
    print("looking at", 1 + 1)
    local total = 40 + 1
    assert.equals(42, total)
  end)

  it("calls wrongly", function()
    stripe.products.retrieve("prod_none")
  end)

  pending("is for later")
end)
"""


def test_each_it_is_a_test_of_its_own_and_failures_show_line_values_and_source(project: Project) -> None:
    """Node ids are file::names; a failure shows the Lua line, both values, the source, the output."""
    ran = project({"orders_test.lua": ORDERS}, "-v")
    assert ran.counts == {"passed": 1, "failed": 2, "skipped": 1}, ran.out
    assert "orders_test.lua::an order passes PASSED" in ran.out
    assert "orders_test.lua:13: assert.equals failed\n  expected: 42\n  actual  : 41\n" in ran.out
    assert "> 13 |     assert.equals(42, total)" in ran.out
    assert "looking at\t2" in ran.out
    assert "No such product: 'prod_none'" in ran.out
    assert "status 404" in ran.out
    assert "Traceback" not in ran.out
    assert "host/testing" not in ran.out


def test_k_x_and_node_ids_choose_tests(project: Project) -> None:
    """pytest's own ways to choose tests work on Lua's."""
    assert project({"orders_test.lua": ORDERS}, "-k", "passes or later").counts == {
        "passed": 1,
        "skipped": 1,
        "deselected": 2,
    }
    assert project({}, "-x").counts == {"passed": 1, "failed": 1}
    assert project({}, "orders_test.lua::an order passes").counts == {"passed": 1}


def test_files_are_fresh_and_order_and_workers_do_not_matter(project: Project) -> None:
    """No file sees what another created; tests run under xdist and shuffled."""
    one = """
    local mine = 0
    describe("only", function()
      setup(function() mine = mine + 1 new_product():name("x"):create() end)
      for i = 1, 6 do
        it("this file's product " .. i, function()
          assert.equals(1, #stripe.products.list().data)
          assert.equals(1, mine)
        end)
      end
    end)
    """
    files = {"a_test.lua": one, "test_b.lua": one, "deep/c_test.lua": one, "helper.lua": "error('no test')"}
    assert project(files, "-n", "2").counts == {"passed": 18}
    assert project({}, "-p", "randomly", "-p", "no:xdist").counts == {"passed": 18}


def test_a_file_that_does_not_load_is_an_error_at_its_line(project: Project) -> None:
    """Wrong Lua, and an error outside of tests, are told at collection."""
    files = {"a_test.lua": "local x = = 1\n", "b_test.lua": "\nerror('early')\n", "c_test.lua": "it()\n"}
    ran = project(files)
    assert ran.status == 2
    assert "a_test.lua:1: unexpected symbol near '='" in ran.out
    assert "b_test.lua:2: early" in ran.out
    assert "c_test.lua:1: it expects a string, got nothing" in ran.out
    assert "Traceback" not in ran.out


def test_a_test_that_never_ends_fails_and_the_next_one_runs(project: Project) -> None:
    """A test over its time fails at its own line; one that ends the run takes only itself along."""
    code = """
    it("waits for ever", function() sleep(1000) end)
    it("exits", function() os.exit(0) end)
    it("goes on", function() assert.is_true(true) end)
    """
    ran = project({"a_test.lua": code, "pytest.ini": "[pytest]\nlua_test_timeout = 0.05\n"})
    assert ran.counts == {"failed": 2, "passed": 1}, ran.out
    assert "a_test.lua:2: the test did not end within 0.05 s" in ran.out
    assert "a_test.lua:3: the test ended the whole run (os.exit)" in ran.out
    wrong = project({"pytest.ini": "[pytest]\nlua_test_timeout = soon\n"})
    assert "lua_test_timeout is 'soon'; expected seconds above 0" in wrong.out


def test_a_failed_teardown_is_an_error(project: Project) -> None:
    """What goes wrong after the last test is not lost."""
    code = "teardown(function() error('late') end)\nit('is fine', function() end)\n"
    ran = project({"a_test.lua": code})
    assert ran.counts == {"passed": 1, "error": 1}, ran.out
    assert "a_test.lua:1: late" in ran.out


def test_python_fixtures_reach_lua_tests(project: Project) -> None:
    """fixture(name) gives a fixture's value, or a function for a callable one; it ends with the test."""
    conftest = """
import pytest

@pytest.fixture
def shop(tmp_path):
    (tmp_path / "open").touch()
    yield {"name": "Tea & Co", "prices": [1, 2.5], "folder": str(tmp_path)}
    print("shop closed")

@pytest.fixture
def double():
    return lambda x: x * 2

@pytest.fixture
def refuse():
    def function():
        raise KeyError("no")
    return function

@pytest.fixture
def odd():
    return {"it": object()}
"""
    code = """
    describe("fixtures", function()
      local shop
      before_each(function() shop = fixture("shop") end)
      it("have values", function()
        assert.equals("Tea & Co", shop.name)
        assert.same({ 1, 2.5 }, shop.prices)
      end)
      it("may be functions", function()
        assert.equals(42, fixture("double")(21))
        assert.error_matches(function() fixture("refuse")() end, "refuse: KeyError: 'no'")
      end)
      it("are refused by name", function()
        assert.error_matches(function() fixture("none") end, "pytest has no fixture of this name")
        assert.error_matches(function() fixture("odd") end, "cannot cross to Lua")
      end)
      it("show the output of their end", function() error("look") end)
    end)
    """
    ran = project({"conftest.py": CONFTEST + conftest, "a_test.lua": code})
    assert ran.counts == {"passed": 3, "failed": 1}, ran.out
    assert "shop closed" in ran.out


def test_the_fixtures_for_python_tests(project: Project) -> None:
    """simulator, lua_host, lua_run and lua_fixture, and what a script created is undone after the test."""
    test = """
import pytest
from host import ScriptError
from host.testing import lua_fixture

customer = lua_fixture("customer_with_subscription.lua")
named = lua_fixture("customer_with_subscription.lua", name="other_customer", args=["b@example.com"])
state = {}

def test_value(customer, simulator, lua_run):
    assert set(customer) == {"id", "subscription", "product"}
    email = lua_run("return stripe.customers.retrieve(id).email", globals={"id": customer["id"]}).value
    assert email == "a@example.com"
    assert "customer" in [kind for kind, _ in simulator.ledger()]

def test_arguments(other_customer, lua_run):
    assert lua_run("return stripe.customers.list().data[1].email").value == "b@example.com"

@pytest.fixture
def before(simulator):
    yield
    from host import Host
    with Host(simulator=simulator) as host:  # after lua_fixture's own end
        state["after"] = host.run_source(
            "local product = try(stripe.products.retrieve, made.product) "
            "return {stripe.customers.retrieve(made.id).deleted == true, "
            "stripe.subscriptions.retrieve(made.subscription).status, not product or not product.active}",
            globals={"made": dict(state)},
        ).raise_for_error().value

def test_undo(before, lua_fixture):
    state.update(lua_fixture("customer_with_subscription.lua"))

def test_was_undone():
    assert state["after"] == [True, "canceled", True]

def test_lua_run(lua_run, lua_host):
    assert lua_run("plus.lua", args=["2"]).value == 3
    with pytest.raises(ScriptError, match="nope"):
        lua_run("error('nope')")
    assert lua_run("error('nope')", check=False).error.line == 1
    assert lua_host.simulated
"""
    script = """
local product = new_product():name("Plan"):create()
local price = new_price():product(product):currency("usd"):amount(500):recurring("month"):create()
local customer = new_customer():email(args[1] or "a@example.com"):create()
local subscription = new_subscription():customer(customer):add_price(price):trial_days(7):create()
return { id = customer, subscription = subscription, product = product }
"""
    plus = "return args[1] + 1"
    ran = project({"test_it.py": test, "customer_with_subscription.lua": script, "plus.lua": plus})
    assert ran.counts == {"passed": 5}, ran.out


def test_with_httpx_mock_no_request_leaves(project: Project) -> None:
    """Every Host meets pytest-httpx's mock; a request nobody expects fails the test."""
    test = """
from host import Host

PRODUCT = {"id": "prod_1", "object": "product", "name": "x"}

def test_mocked(httpx_mock, lua_run, lua_host):
    httpx_mock.add_response(method="POST", url="https://api.stripe.com/v1/products", json=PRODUCT)
    assert lua_run("return new_product():name('x'):create()").value == "prod_1"
    assert not lua_host.simulated
    assert httpx_mock.get_requests()[0].content == b"name=x"

def test_any_host(httpx_mock):
    httpx_mock.add_response(url="https://api.stripe.com/v1/products/prod_1", json=PRODUCT)
    with Host(stripe_secret_key="sk_test_1", env_file=None) as host:
        assert host.run_source("return stripe.products.retrieve('prod_1').name").value == "x"

def test_unmocked(httpx_mock, lua_run):
    result = lua_run("return stripe.products.retrieve('prod_1').name", check=False)
    assert result.error is not None

def test_unrequested(httpx_mock, lua_run):
    httpx_mock.add_response(url="https://api.stripe.com/v1/products/prod_1", json=PRODUCT)
"""
    ran = project({"test_it.py": test})
    assert "passed" in ran.out
    assert ran.counts["passed"] == 4, ran.out  # also the bodies of those that fail at their end
    assert ran.counts["error"] == 2, ran.out
    assert "not requested" in ran.out
    assert "not expected" in ran.out


def test_a_project_says_whom_its_hosts_talk_to(project: Project) -> None:
    """lua_host_options are Host's arguments, for lua_host and for Lua files."""
    conftest = (
        CONFTEST
        + """
import pytest

@pytest.fixture
def lua_host_options():
    return {"env": {"SHOP": "tea"}}
"""
    )
    code = "it('sees it', function() assert.equals('tea', env.SHOP) end)"
    test = "def test_it(lua_run): assert lua_run('return env.SHOP').value == 'tea'"
    ran = project({"conftest.py": conftest, "test_it.py": test, "a_test.lua": code})
    assert ran.counts == {"passed": 2}, ran.out


def test_it_costs_a_project_without_lua_nothing() -> None:
    """The plugin's own import loads neither Lua nor the loop, the client or the catalog."""
    heavy = ("lupa", "httpx", "msgspec", "host.host", "host.apis", "host.run", "host.lua", "host.simulator")
    code = (
        "import sys, pytest; before = set(sys.modules); import host.testing.plugin; "
        f"print([m for m in sys.modules if m not in before and m.startswith({heavy!r})])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
