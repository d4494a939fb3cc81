"""Doubt belongs to the idempotency key: over the script's own repeats, other ways to send it, and resumes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import count, product
from pathlib import Path
from typing import Any

import pytest

from host import Budget, Host, Permissions, RunResult
from host.durable.audit_trail import trail_of
from host.durable.journal import Journal
from tests.run.scripted_server import DROP, OBJECT, ScriptedServer

IN_USE = {"error": {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": "m"}}
OTHER = {"error": {"type": "idempotency_error", "message": "Keys for idempotent requests can only be used …"}}
PLAIN = {"error": {"type": "invalid_request_error", "message": "m"}}
BUDGET = Budget(max_amount={"usd": 1000})
REPLAYED = {"Idempotent-Replayed": "true"}

# What the repeat is answered, and what is then known of the change.
SECOND: dict[str, tuple[Any, str]] = {
    "in use": ((409, {}, IN_USE), "unknown"),
    "other parameters": ((400, {}, OTHER), "unknown"),
    **{str(status): ((status, {}, PLAIN), "unknown") for status in (401, 403, 404, 408, 425, 429, 500, 503)},
    "a proxy's page": ((400, {"Content-Type": "text/html"}, b"<h1>Bad Request</h1>"), "unknown"),
    "nothing": (DROP, "unknown"),
    "400": ((400, {}, PLAIN), "rejected"),
    "402": ((402, {}, PLAIN), "rejected"),
    "replayed refusal": ((402, REPLAYED, PLAIN), "rejected"),
    "replayed conflict": ((409, REPLAYED, PLAIN), "rejected"),
    "done": ((200, {}, OBJECT), "done"),
}

# Ways to send the same request with the same key.
WAYS = """
local url, key = args[1], args[2]
local builder = new_payment_intent():amount(700):currency("usd"):with{idempotency_key = key}
local ways = {
  create = function() return builder:create() end,
  builder = function() return new_payment_intent():amount(700):currency("usd"):with{idempotency_key = key}:create() end,
  operation = function()
    return stripe.payment_intents.create({currency = "usd", amount = 700}, {idempotency_key = key})
  end,
  http = function()
    local answer = http.post(url .. "/v1/payment_intents", {
      form = {amount = 700, currency = "usd"}, headers = {["idempotency-key"] = key}, retries = 0})
    if answer.outcome then error(answer) end
  end,
}
local function outcome(way)
  local ok, e = pcall(ways[way])
  return ok and "done" or e.outcome
end
"""
TWICE = (
    WAYS
    + """
local first, second = outcome(args[3]), outcome(args[4])
local another = pcall(function() return new_payment_intent():amount(700):currency("usd"):create() end)
return {first = first, second = second, another = another}
"""
)


class Lab:
    """A host at a scripted server. Each run has a key of its own, so that none is in doubt by another."""

    def __init__(self, path: Path) -> None:
        self.server = ScriptedServer()
        self.path = str(path / "journal.sqlite")
        self.host = Host(
            stripe_secret_key="sk_test_x",
            stripe_api_base=self.server.url,
            api_limits="stripe: retries=0",
            permissions=Permissions(net=["127.0.0.1"]),
            journal=self.path,
        )
        self._keys = count()
        self.key = ""

    def close(self) -> None:
        self.host.close()
        self.server.close()

    def run(self, code: str, *steps: Any, args: Sequence[str] = (), **more: Any) -> Any:
        """The value of a script whose changes are answered so."""
        return self.go(code, *steps, args=args, **more).raise_for_error().value

    def go(self, code: str, *steps: Any, args: Sequence[str] = (), **more: Any) -> RunResult:
        self.key = f"key-{next(self._keys)}"
        self._prepare(steps)
        return self.host.run_source(code, args=[self.server.url, self.key, *args], **more)

    def _prepare(self, steps: Sequence[Any]) -> None:
        self.server.steps.clear()  # two answers: no circuit breaker is open by what came before
        self.host.run_source("pcall(stripe.products.list) http.get(args[1])", args=[self.server.url]).raise_for_error()
        self.server.steps[:] = steps
        self.server.seen.clear()

    # -- durable runs

    def die_after(self, kind: str, name: str = "") -> None:
        """As if its process had died when no more was recorded than the first such record."""
        self._sql(
            "DELETE FROM luahost_record WHERE run = :run AND seq > (SELECT min(seq) FROM luahost_record "
            "WHERE run = :run AND kind = :kind AND name LIKE :name)", kind=kind, name=f"{name}%",
        )  # fmt: skip
        self._sql("UPDATE luahost_run SET status = 'running', owner = NULL WHERE id = :run")

    def resume(self, *steps: Any) -> Any:
        self.server.steps[:] = steps
        return self.host.resume(self.run_id, budget=BUDGET).raise_for_error().value

    @property
    def run_id(self) -> str:
        return f"run-{self.key}"

    def durable(self, code: str, *steps: Any, args: Sequence[str] = ()) -> RunResult:
        run_id = f"run-key-{next(self._keys)}"
        self.key = run_id.removeprefix("run-")
        self._prepare(steps)
        args = [self.server.url, self.key, *args]
        return self.host.run_source(code, args=args, run_id=run_id, budget=BUDGET)

    def outcomes(self) -> list[str]:
        """What `runs show` tells of its changes."""
        journal = Journal.open(self.path)
        try:
            return [entry.outcome for entry in trail_of(journal.records(self.run_id))]
        finally:
            journal.close()

    def _sql(self, statement: str, **values: str) -> None:
        db = sqlite3.connect(self.path)
        with db:
            db.execute(statement, {"run": self.run_id, **values})
        db.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("doubt"))
    yield lab
    lab.close()


@pytest.mark.parametrize("said", SECOND)
def test_a_repeat_in_doubt_is_reported_as_what_is_known_of_the_change(lab: Lab, said: str) -> None:
    """However it is sent first and again; and the budget keeps what may have been spent, and no more."""
    step, known = SECOND[said]
    for ways in product(("create", "builder", "operation", "http"), repeat=2):
        found = lab.run(TWICE, DROP, step, args=ways, budget=BUDGET)
        assert (found["first"], found["second"]) == ("unknown", known), ways
        if "http" not in ways:  # which is not counted in currencies
            assert found["another"] is (known == "rejected"), ways


def test_what_was_not_sent_after_an_attempt_in_doubt_is_unknown(lab: Lab) -> None:
    """Nothing left this machine the second time, the budget or a permission forbids it. The first may have worked."""
    code = WAYS + "return {outcome('create'), outcome('create'), outcome('operation')}"
    kept = (
        WAYS
        + """
    builder = new_payment_intent():amount(700):currency("usd")
    local keys = {}
    for n = 1, 3 do keys[n] = select(2, pcall(ways.create)).idempotency_key end
    return keys[1] ~= nil and keys[1] == keys[2] and keys[1] == keys[3]
    """
    )
    assert lab.run(kept, DROP, budget=Budget(max_calls=1)) is True
    assert lab.run(code, DROP, budget=Budget(max_calls=1)) == ["unknown"] * 3
    lab.server.steps[:] = []
    denied = Permissions(deny_ops=["stripe.**"])
    again = lab.host.run_source(code, args=[lab.server.url, lab.key], permissions=denied)
    assert again.value == ["unknown"] * 3  # another run of this host, the same key


def test_an_answer_that_settles_it_clears_the_doubt(lab: Lab) -> None:
    """After it, the next refusal is only about itself."""
    code = WAYS + "return {outcome('operation'), outcome('operation'), outcome('operation')}"
    for settling in ("done", "400", "replayed conflict"):
        found = lab.run(code, DROP, SECOND[settling][0], SECOND["401"][0])
        assert found == ["unknown", SECOND[settling][1], "rejected"], settling


def test_other_keys_and_reads_are_not_in_doubt(lab: Lab) -> None:
    """A refusal under another key or of a read is what it says."""
    code = (
        WAYS
        + """
    local first = outcome("create")
    local other = {idempotency_key = key .. "-2"}
    local _, e = pcall(stripe.payment_intents.create, {currency = "usd", amount = 700}, other)
    local _, read = pcall(stripe.products.list)
    return {first, e.outcome, tostring(read.outcome)}
    """
    )
    assert lab.run(code, DROP, SECOND["401"][0], SECOND["401"][0]) == ["unknown", "rejected", "nil"]


RESUMED = (
    WAYS
    + """
local outcome = outcome(args[3])
local another = pcall(function() return new_payment_intent():amount(700):currency("usd"):create() end)
return {outcome = outcome, another = another}
"""
)


@pytest.mark.parametrize("way", ["create", "operation", "http"])
@pytest.mark.parametrize("said", SECOND)
def test_a_resume_in_doubt_is_reported_as_what_is_known_of_the_change(lab: Lab, said: str, way: str) -> None:
    """A request under way when the process died may have worked: the same for its repeat, its budget, `runs show`. One
    of http.post with a key of its own is repeated like the others. All are sent again with the same bytes."""
    step, known = SECOND[said]
    lab.durable(RESUMED, args=[way])
    lab.die_after("sent")
    del lab.server.seen[1:]
    value = lab.resume(step)
    assert value["outcome"] == known
    if way != "http":
        assert value["another"] is (known == "rejected")
    assert lab.outcomes()[0] == known
    first, again = lab.server.seen[:2]
    assert first[2] == again[2]
    assert first[1]["idempotency-key"] == again[1]["idempotency-key"]


def test_a_replayed_doubt_is_still_one(lab: Lab) -> None:
    """What the script was told before its process died counts for what it does after."""
    lab.durable(WAYS + "local first = outcome('create') sleep(0) return {first, outcome('create')}", DROP)
    lab.die_after("sent", "sleep")
    assert lab.resume(SECOND["401"][0]) == ["unknown", "unknown"]


def test_a_refusal_that_ended_a_run_leaves_no_doubt(lab: Lab) -> None:
    """A 429 said that nothing was done: what the resumed run is told is about its own request."""
    code = WAYS + "local ok, e = pcall(ways.create) if e and e.status == 429 then error(e, 0) end return e.outcome"
    assert lab.durable(code, SECOND["429"][0]).error is not None
    assert lab.resume(SECOND["401"][0]) == "rejected"


def test_a_run_that_ended_in_doubt_is_asked_again_when_it_is_resumed(lab: Lab) -> None:
    """Also after a 401, which would be final if it were about the change."""
    code = WAYS + "pcall(ways.create) return ways.create()"
    assert lab.durable(code, DROP, SECOND["401"][0]).error is not None
    assert lab.resume((200, {}, OBJECT)) == "pi_1"


BODIES = """
local function letters(order)
  local t = {}
  for i = 1, 26 do
    local c = string.char(96 + (order > 0 and i or 27 - i))
    t[c .. "x"] = {b = 1, a = {z = c, y = c, x = c}}
  end
  return t
end
local function texts(order)
  local t = {}
  for i = 1, 26 do
    local c = string.char(96 + (order > 0 and i or 27 - i))
    t[c .. "x"] = c
  end
  return t
end
for order = 1, -1, -2 do
  local headers = {["Idempotency-Key"] = "k"}
  http.post(args[1] .. "/json", {json = letters(order), headers = headers})
  http.post(args[1] .. "/form", {form = texts(order), headers = headers, query = texts(order)})
  http.post(args[1] .. "/multipart", {multipart = texts(order), headers = headers})
  pcall(stripe.products.create, {name = "x", metadata = texts(order), description = "d"}, {idempotency_key = "k"})
  pcall(new_product():name("x"):with{idempotency_key = "k"}:metadata(texts(order)).create)
  pcall(function() return new_product():name("x"):with{idempotency_key = "k"}:metadata(texts(order)):create() end)
  orders.place(letters(order)["ax"])
end
"""


def test_the_same_tables_are_the_same_bytes_in_whatever_order_they_were_filled(lab: Lab) -> None:
    """JSON, forms, queries, multipart with its boundary, an API's form and JSON bodies."""
    text = {"schema": {"type": "object", "additionalProperties": True}}
    document = {
        "openapi": "3.0.3", "info": {"title": "Orders", "version": "1"},
        "paths": {"/orders": {"post": {"operationId": "place",
            "parameters": [{"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}],
            "requestBody": {"content": {"application/json": text}},
            "responses": {"200": {"description": "", "content": {"application/json": {"schema": {}}}}}}}},
    }  # fmt: skip
    lab.host.add_api("orders", document, base_url=lab.server.url, auth="k")
    lab.run(BODIES)
    seen = lab.server.seen
    half = len(seen) // 2
    assert half == 6
    for first, again in zip(seen[:half], seen[half:], strict=True):
        assert (first[0], first[1].get("content-type"), first[2]) == (again[0], again[1].get("content-type"), again[2])
