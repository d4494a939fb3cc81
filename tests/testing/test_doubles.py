"""``stub`` and ``fail`` in Lua tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from host.errors import ScriptError
from host.limits import Limits
from host.policy.permissions import Permissions
from host.testing.cases import Outcome, describe
from host.testing.suite import LuaTestFile

FUNCTIONS = '''
"""A program's functions."""

def setup(host):
    host.function(lookup, name="lookup", effect="read")
    host.function(quick, name="quick", effect="pure", inline=True)
    host.function(rows, name="rows_of", effect="read")

def lookup(id: str) -> dict:
    return {"id": id, "real": True}

def quick(n: int) -> int:
    return n + 1

def rows(n: int):
    yield from range(n)
'''


@pytest.fixture
def lua(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``lua(body)``: the outcome of each test of a file with these lines."""
    (tmp_path / "program_of_doubles.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(text: str) -> list[Outcome]:
        path = tmp_path / "a_test.lua"
        path.write_text(text)
        options = {"setup": "program_of_doubles:setup", "simulate": True, "limits": Limits(lua_time=10.0)}
        file = LuaTestFile(path, "a_test.lua", options=options)
        try:
            return [file.run(test) for test in file.tests()]
        finally:
            file.close()

    return run


def passes(lua: Any, body: str) -> None:
    """The body of one test holds."""
    (outcome,) = lua(f'it("is", function()\n{body}\nend)')
    assert outcome.error is None, describe(outcome.error)


def error_of(lua: Any, body: str) -> ScriptError:
    """What one test fails with."""
    (outcome,) = lua(f'it("is", function()\n{body}\nend)')
    assert outcome.error is not None
    return outcome.error


PAY = 'local function pay() return stripe.charges.create({ amount = 500, currency = "usd", source = "tok_visa" }) end\n'


def test_a_value_is_answered_to_operations_and_builders_and_calls_are_counted(lua: Any) -> None:
    """An operation, its builder and a list of objects give the value; assert.called sees the arguments."""
    passes(
        lua,
        PAY
        + """
    stub("stripe.charges.create", { id = "ch_1", status = "failed" })
    assert.equals("failed", pay().status)
    assert.called("stripe.charges.create").times(1).with { amount = 500 }
    stub("new_customer", { id = "cus_7" })
    assert.equals("cus_7", new_customer():email("a@example.com"):create())
    assert.called("stripe.customers.create").with { email = "a@example.com" }
    stub("stripe.customers.list", { { id = "cus_1" }, { id = "cus_2" } })
    local ids = {}
    for each in stripe.customers.list():each() do ids[#ids + 1] = each.id end
    assert.same({ "cus_1", "cus_2" }, ids)
    stub("stripe.invoices.list", {})
    assert.equals(0, #stripe.invoices.list().data)
    """,
    )


def test_a_function_is_given_the_calls_arguments_and_its_error_is_the_calls(lua: Any) -> None:
    """Path arguments, parameters and builders' parameters come as the script gave them; a stub may call others."""
    passes(
        lua,
        """
    local mine = new_product():name("Tea"):create()
    stub("stripe.customers.retrieve", function(id, params)
      return { id = id, expanded = params.expand[1], product = stripe.products.retrieve(mine).name }
    end)
    local found = stripe.customers.retrieve("cus_9", { expand = { "tax" } })
    assert.same({ "cus_9", "tax", "Tea" }, { found.id, found.expanded, found.product })
    stub("stripe.customers.create", function(given) return { id = "cus_" .. given.name } end)
    local made = { parallel(
      function() return new_customer():name("a"):create() end,
      function() return new_customer():name("b"):create() end
    ) }
    assert.same({ "cus_a", "cus_b" }, made)
    stub("stripe.refunds.create", function() error { kind = "api", code = "charge_disputed", message = "no" } end)
    local function refund() stripe.refunds.create { charge = "ch_1" } end
    assert.has_error(refund, { kind = "api", code = "charge_disputed" })
    stub("stripe.refunds.create", function() return 5 end)
    assert.error_matches(refund, "answers with a table, got 5")
    stub("stripe.refunds.create", function(...) return stripe.refunds.create(...) end)
    assert.error_matches(refund, "wait for the stub of stripe.refunds.create")
    """,
    )


def test_the_nth_call_and_calls_with_arguments_alone(lua: Any) -> None:
    """after= leaves out the first, times= ends it, with= chooses by arguments; the last double that fits wins."""
    passes(
        lua,
        PAY
        + """
    fail("stripe.charges.create", { status = 500, after = 1, times = 2 })
    local seen = {}
    for i = 1, 5 do seen[i] = pcall(pay) end
    assert.same({ true, false, false, true, true }, seen)
    stub("stripe.customers.retrieve", { id = "cus_any" })
    stub("stripe.customers.retrieve", { id = "cus_one" }, { with = "cus_1" })
    stub("stripe.customers.retrieve", { id = "cus_two" }, { with = { "cus_2", { expand = { "tax" } } }, times = 1 })
    assert.equals("cus_one", stripe.customers.retrieve("cus_1").id)
    assert.equals("cus_any", stripe.customers.retrieve("cus_2").id)
    assert.equals("cus_two", stripe.customers.retrieve("cus_2", { expand = { "tax" } }).id)
    assert.equals("cus_any", stripe.customers.retrieve("cus_2", { expand = { "tax" } }).id)
    fail("stripe.customers.create", { with = { email = "bad@example.com" }, code = "email_invalid" })
    new_customer():email("good@example.com"):create()
    local function bad() new_customer():email("bad@example.com"):create() end
    assert.has_error(bad, { code = "email_invalid", status = 400 })
    """,
    )


def test_doubles_end_with_their_test(lua: Any) -> None:
    """The next test has the real ones, whether the last passed or not; before_each makes them anew for each."""
    outcomes = lua("""
    describe("all", function()
      before_each(function() stub("stripe.customers.retrieve", { id = "cus_each" }) end)
      it("one", function()
        stub("stripe.customers.create", { id = "cus_mine" })
        stub("lookup", function() return "stubbed" end)
        assert.equals("stubbed", lookup("x"))
        error("and fails")
      end)
      it("two", function()
        assert.equals("cus_each", stripe.customers.retrieve("cus_1").id)
        assert.not_equals("cus_mine", new_customer():create())
        assert.is_true(lookup("x").real)
      end)
    end)
    """)
    assert [each.status for each in outcomes] == ["failed", "passed"], outcomes


@pytest.mark.parametrize(
    ("asked", "facts"),
    [
        ("{ status = 402 }", {"code": "card_declined", "type": "card_error", "decline_code": "generic_decline"}),
        ('{ decline_code = "lost_card" }', {"status": 402, "code": "card_declined", "decline_code": "lost_card"}),
        ('{ code = "expired_card" }', {"status": 402, "type": "card_error", "message": "Your card has expired."}),
        ("{ status = 429 }", {"code": "rate_limit", "retryable": True, "outcome": "rejected"}),
        ("{ status = 500 }", {"type": "api_error", "outcome": "unknown", "kind": "api"}),
        ("nil", {"status": 500, "outcome": "unknown"}),
        ("{ status = 409 }", {"outcome": "rejected", "kind": "api"}),
        ('{ code = "idempotency_key_in_use" }', {"status": 409, "outcome": "unknown"}),
        ('{ outcome = "unknown" }', {"kind": "network", "outcome": "unknown"}),
        ('{ outcome = "not_sent" }', {"kind": "network", "outcome": "not_sent"}),
        ('{ outcome = "rejected" }', {"status": 400, "outcome": "rejected"}),
        ('{ kind = "timeout" }', {"kind": "timeout", "phase": "response", "outcome": "unknown"}),
        ('{ status = 400, param = "amount", message = "Too little" }', {"param": "amount", "message": "Too little"}),
    ],
)
def test_failures_look_as_the_apis_own(lua: Any, asked: str, facts: dict[str, Any]) -> None:
    """What is not said of a failure is as the API and the network have it, and every error says its operation."""
    wanted = ", ".join(
        f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}"
        for name, value in {**facts, "operation": "stripe.charges.create"}.items()
    )
    passes(lua, PAY + f'fail("stripe.charges.create", {asked})\nassert.has_error(pay, {{ {wanted} }})')


def test_a_made_decline_has_all_the_fields_of_the_simulators(lua: Any) -> None:
    """The error of fail is the one that a declined test card gives, but for the charge and the ids."""
    passes(
        lua,
        """
    local function pay(source) return stripe.charges.create { amount = 500, currency = "usd", source = source } end
    local _, real = pcall(pay, "tok_chargeDeclinedInsufficientFunds")
    fail("stripe.charges.create", { decline_code = "insufficient_funds" })
    local _, made = pcall(pay, "tok_visa")
    for _, name in ipairs { "kind", "message", "status", "code", "decline_code", "type", "outcome", "retryable",
      "attempts", "doc_url", "advice_code", "operation" } do
      assert.equals(real[name], made[name])
    end
    """,
    )


def test_registered_functions_of_every_sort(lua: Any) -> None:
    """Plain, inline and generator functions are replaced, fail, and are themselves again."""
    passes(
        lua,
        """
    stub("lookup", { id = "stubbed" }, { times = 1 })
    assert.equals("stubbed", lookup("a").id)
    assert.is_true(lookup("a").real)
    assert.called("lookup").times(2)
    stub("quick", function(n) return n * 100 end, { with = 2 })
    assert.same({ 2, 200 }, { quick(1), quick(2) })
    local function all(n) local t = {} for each in rows_of(n) do t[#t + 1] = each end return t end
    assert.same({ 0, 1 }, all(2))
    stub("rows_of", { "a", "b", "c" }, { times = 1 })
    assert.same({ "a", "b", "c" }, all(2))
    assert.same({ 0, 1 }, all(2))
    fail("lookup", { message = "no database", type = "OSError" })
    local err = assert.has_error(function() lookup("a") end, { kind = "function", type = "OSError" })
    assert.equals("lookup failed: OSError: no database", err.message)
    assert.has_error(function() lookup(5, 6, 7) end, { kind = "invalid" })
    """,
    )


def test_http_is_answered_without_a_network(lua: Any) -> None:
    """A text, a table, a status and a broken connection; http.* give a status as a value."""
    passes(
        lua,
        """
    stub("http.get", "plain")
    assert.equals("plain", http.get("https://a.example/x").body)
    stub("http.get", { json = { n = 1 }, headers = { ["X-Left"] = "3" } }, { with = "https://a.example/json" })
    local found = http.get("https://a.example/json")
    assert.same({ 1, "3", 200 }, { found.json().n, found.headers["x-left"], found.status })
    assert.equals("plain", http.get("https://a.example/x").body)
    stub("http.post", function(url, options) return { status = 201, body = url .. options.body } end)
    assert.equals("https://b.example/!", http.post("https://b.example/", { body = "!" }).body)
    fail("http.post", { status = 503, times = 1 })
    local answer = http.post("https://b.example/", { body = "!" })
    assert.same({ 503, "unknown" }, { answer.status, answer.outcome })
    fail("http.post", { outcome = "not_sent" })
    assert.has_error(function() http.post("https://b.example/", {}) end, { kind = "network", outcome = "not_sent" })
    fail("http.get", { kind = "timeout" })
    assert.has_error(function() http.get("https://b.example/") end, { kind = "timeout" })
    """,
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('stub("stripe.charges.creat", {})', 'no operation "creat"; did you mean "create"?'),
        ('stub("stripe.charge.create", {})', 'no resource "charge"; write stripe.charges'),
        ('stub("stripe.charges", {})', "stripe.charges is not an operation"),
        ('fail("lokup", {})', 'there is no lokup a script could call; did you mean "lookup"?'),
        ('fail("http.gett")', 'did you mean "http.get"?'),
        ('stub("stripe.charges.create")', "expects a value, or a function"),
        ("stub(nil, {})", "stub expects a name"),
        ('stub("stripe.charges.create", 5)', "answers with a table, got 5"),
        ('stub("stripe.charges.create", { amount = 1 })', "has id; this one has none"),
        ('stub("stripe.charges.create", { id = "x" }, { tims = 1 })', 'did you mean "times"?'),
        ('stub("stripe.charges.create", { id = "x" }, { times = 0 })', "times is 0; expected a whole number from 1"),
        ('stub("http.get", { stauts = 200 })', "there is no stauts"),
        ('fail("stripe.charges.create", { stauts = 402 })', 'did you mean "status"?'),
        ('fail("stripe.charges.create", { status = 200 })', "expected a status of an error, 400 to 599"),
        ('fail("stripe.charges.create", { outcome = "lost" })', '"not_sent", "rejected" or "unknown"'),
        (
            'fail("stripe.charges.create", { status = 402, outcome = "unknown" })',
            "the outcome is rejected, not unknown",
        ),
        ('fail("stripe.charges.create", { status = 402, outcome = "not_sent" })', "not sent has no answer"),
        ('fail("stripe.charges.retrieve", { outcome = "unknown" })', "changes nothing"),
        ('fail("lookup", { status = 404 })', "lookup has no status; expected one of message, type"),
        ('fail("stripe.charges.create", 402)', "expects a table such as {status = 500}"),
    ],
)
def test_what_cannot_be_meant_is_shown_at_its_line(lua: Any, line: str, message: str) -> None:
    """A wrong name, value or option fails the test at the line that wrote it."""
    error = error_of(lua, line)
    assert message in error.message
    assert (error.script, error.line) == ("a_test.lua", 2)


def test_doubles_belong_inside_a_test(lua: Any) -> None:
    """At the file's level and in setup they would not hold for what one would think."""
    with pytest.raises(ScriptError, match="stub is for use inside a test or before_each") as told:
        lua('\nstub("lookup", 1)')
    assert told.value.line == 2
    (outcome,) = lua('describe("a", function() setup(function() fail("lookup") end) it("b", function() end) end)')
    assert outcome.error is not None
    assert "fail in setup would hold for one test only" in outcome.error.message


def test_a_stub_of_a_file_gives_its_bytes_also_to_the_file_they_go_to(tmp_path: Path, lua: Any) -> None:
    """A string is what is in the file; a table is none."""
    passes(lua, 'stub("stripe.quotes.pdf", "%PDF") assert(stripe.quotes.pdf("qt_1") == "%PDF")')
    assert "a file's content" in str(error_of(lua, 'stub("stripe.quotes.pdf", {id = "x"})'))
    path = tmp_path / "a.pdf"
    code = f"""it("is", function()
      stub("stripe.quotes.pdf", "%PDF")
      assert(stripe.quotes.pdf("qt_1", {{}}, {{download = "{path}"}}).bytes == 4)
    end)"""
    (tmp_path / "file_test.lua").write_text(code)
    options = {"simulate": True, "permissions": Permissions(write=[tmp_path]), "limits": Limits(lua_time=10.0)}
    file = LuaTestFile(tmp_path / "file_test.lua", "file_test.lua", options=options)
    try:
        (outcome,) = [file.run(test) for test in file.tests()]
    finally:
        file.close()
    assert outcome.error is None, describe(outcome.error)
    assert path.read_text() == "%PDF"
