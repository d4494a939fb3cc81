"""What the API told reaches the script, the program and the record of a run, whichever way the run is made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from host import Host, Limits
from host.events import CallEnded, Event
from host.report.errors import describe
from tests.durable.lab import Lab
from tests.run.scripted_server import ScriptedServer

DECLINED = """local _, e = try(stripe.payment_intents.create, {amount = 2000, currency = "usd", confirm = true,
  payment_method = "pm_card_visa_chargeDeclinedInsufficientFunds", return_url = "https://example.com"})
"""
SEEN = DECLINED + "return {e.decline_code, e.charge, e.payment_intent.id, e.payment_method.object, e.body.error.code}"
MEMBERS = ("decline_code", "charge", "payment_intent", "payment_method", "doc_url", "body")


@pytest.mark.parametrize("way", [{}, {"isolation": "process"}, {"processes": 2}], ids=str)
def test_a_declined_card_says_why_in_every_kind_of_run(way: dict[str, Any]) -> None:
    """To the script that catches the error, and as facts of the one nobody caught."""
    with Host(simulate=True, **way) as host:
        code, charge, intent, method, inner = host.run_source(SEEN).raise_for_error().value
        assert (code, method, inner) == ("insufficient_funds", "payment_method", "card_declined")
        assert charge.startswith("ch_")
        assert intent.startswith("pi_")
        facts = host.run_source(DECLINED + "error(e)").error.facts
    assert set(MEMBERS) <= set(facts)
    assert facts["body"]["error"]["payment_intent"]["status"] == "requires_payment_method"


@pytest.fixture
def lab(tmp_path: Any) -> Lab:
    return Lab(tmp_path)


def test_a_replayed_error_has_what_it_had(lab: Lab) -> None:
    """Resumed, the script is told the same body and members as before."""
    whole = lab.run(SEEN)
    lab.break_off(lab.seq("answer", "stripe.payment_intents.create"))
    requests = lab.api.requests
    assert lab.resume().value == whole.value
    assert lab.api.requests == requests


def test_watchers_get_no_bodies_and_no_secrets() -> None:
    """Events have the short members; the report of an error has none of what is nested."""
    seen: list[Event] = []

    class Sink:
        def emit(self, event: Event) -> None:
            seen.append(event)

    with Host(simulate=True, sinks=[Sink()]) as host:
        error = host.run_source(DECLINED + "print(e) error(e)").error
    told = next(event.error for event in seen if isinstance(event, CallEnded))
    assert told is not None
    assert told["decline_code"] == "insufficient_funds"
    assert "_secret_" not in repr(seen)
    assert not {"body", "payment_intent", "payment_method"} & set(told)
    assert error is not None
    assert "decline_code insufficient_funds" in describe(error)
    assert "_secret_" not in describe(error)


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.close()


def deep(depth: int) -> bytes:
    return b'{"error": {"message": "m", "deep": ' + b"[" * depth + b"]" * depth + b"}}"


BODIES: dict[str, tuple[bytes, type]] = {
    "small": (b'{"error": {"message": "m", "tag": "t"}}', dict),
    "large": (json.dumps({"error": {"message": "m", "tag": "t", "many": ["x" * 9] * 400_000}}).encode(), str),
    "of many values": (b'{"error": {"message": "m", "many": [' + b"[]," * 900_000 + b"[]]}}", str),
    "deep": (deep(100), dict),
    "too deep for Lua": (deep(400), str),
    "text": (b"m " * 100_000, str),
    "text of long letters": (("m " + "\u20ac" * 100_000).encode(), str),
    "not UTF-8": (b"m \xff\xfe", str),
}


@pytest.mark.parametrize("memory", [8, 256])
@pytest.mark.parametrize("kind", BODIES)
def test_whatever_the_body_an_error_keeps_its_facts(server: ScriptedServer, kind: str, memory: int) -> None:
    """Too large for a table, it is text, cut; outcome and key are never lost for it."""
    content, form = BODIES[kind]
    server.steps[:] = [(402, {"Content-Type": "application/json"}, content)]
    code = """local _, e = try(stripe.products.create, {name = "x"})
    return {kind = e.kind, status = e.status, outcome = e.outcome, key = e.idempotency_key, body = type(e.body),
      size = type(e.body) == "string" and #e.body or 0, said = e.message:find("m", 1, true) ~= nil}"""
    with Host(stripe_secret_key="sk_test_x", stripe_api_base=server.url) as host:
        found = host.run_source(code, limits=Limits(memory=memory << 20)).raise_for_error().value
    assert (found["status"], found["outcome"], found["said"]) == (402, "rejected", True)
    assert found["key"]
    assert found["body"] == ("table" if form is dict else "string")
    assert found["size"] <= 65536


def test_the_hosts_own_key_in_a_body_is_masked(server: ScriptedServer) -> None:
    """What an API echoes of it does not reach the script, in message, members or body."""
    key = "sk_test_" + "a1b2c3d4" * 3
    told = {"error": {"message": f"Invalid key {key}", "echo": key, "nested": {"echo": [key]}}}
    server.steps[:] = [(401, {}, told)]
    with Host(stripe_secret_key=key, stripe_api_base=server.url) as host:
        result = host.run_source("local _, e = try(stripe.products.list) print(inspect(e)) error(e)")
    assert "nested" in result.output
    assert key not in result.output
    assert key not in repr(result.error.facts)


def test_what_a_script_puts_into_an_error_cannot_hurt() -> None:
    """Functions, cycles and the like are left out of the facts; what is plain stays."""
    code = (
        DECLINED
        + """
    e.mine, e.f, e.cycle, e.nan = {a = {1, 2}}, print, {}, 0 / 0
    e.cycle.cycle = e.cycle
    error(e)
    """
    )
    with Host(simulate=True) as host:
        facts = host.run_source(code).error.facts
    assert facts["mine"] == {"a": [1, 2]}
    assert not {"f", "cycle", "nan"} & set(facts)
    assert facts["decline_code"] == "insufficient_funds"


def test_http_and_graphql_errors_have_their_body(server: ScriptedServer) -> None:
    """json() of what is no JSON, and the answer of a GraphQL server that refuses."""
    server.steps[:] = [
        (200, {"Content-Type": "text/html"}, b"<p>hi</p>"),
        (200, {}, {"errors": [{"message": "no", "path": ["a"], "extensions": {"code": "X"}}], "data": None}),
        (503, {"Content-Type": "text/html"}, b"<h1>Down</h1>"),
        (400, {}, {"message": "bad query", "hint": "theirs"}),
    ]
    code = """local out = {}
    local function keep(...)
      local _, e = try(...)
      out[#out + 1] = {e.message, e.body, e.errors, e.extensions}
    end
    keep(function() return http.get(args[1]).json() end)
    local g = graphql{url = args[1]}
    for _ = 1, 3 do keep(g.mutate, g, "mutation { a }") end
    return out"""
    from host import Permissions

    with Host(simulate=True, permissions=Permissions(net=["127.0.0.1"])) as host:
        found = host.run_source(code, args=[server.url]).raise_for_error().value
    assert found[0][1] == "<p>hi</p>"
    assert found[1][1]["errors"][0]["message"] == "no"
    assert found[1][2][0]["path"] == ["a"]
    assert found[1][3] == {"code": "X"}
    assert "Down" in found[2][0]
    assert found[2][1] == "<h1>Down</h1>"
    assert "bad query" in found[3][0]
    assert found[3][1] == {"message": "bad query", "hint": "theirs"}
