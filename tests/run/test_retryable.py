"""``retryable`` never leads to doing a thing twice: over methods, keys, kinds of failure and outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from host import Host, Permissions
from host.errors import CallError
from tests.run.scripted_server import DROP, ScriptedServer

HELP = {"error": {"message": "m"}}
FAILURES: dict[str, Any] = {
    "drop": DROP,
    "cut off": (200, {"Content-Encoding": "gzip"}, b"no gzip"),
    **{str(status): (status, {}, HELP) for status in (400, 409, 429, 500, 503)},
    "said to help": (402, {"Stripe-Should-Retry": "true"}, HELP),
    "said not to": (500, {"Stripe-Should-Retry": "false"}, HELP),
}

# A call, whether its own repeat by the script carries the same key, and its method.
CALLS: dict[str, tuple[str, bool, str]] = {
    "builder": ("local b = new_product():name('x') return pcall(function() return b:create() end)", True, "POST"),
    "operation": ("return pcall(stripe.products.create, {name = 'x'})", False, "POST"),
    "operation with key": (
        "return pcall(stripe.products.create, {name = 'x'}, {idempotency_key = 'k' .. math.random()})", True, "POST",
    ),
    "update": ("return pcall(stripe.products.update, 'p', {name = 'x'})", False, "POST"),
    "delete": ("return pcall(stripe.products.delete, 'p')", False, "DELETE"),
    "read": ("return pcall(stripe.products.retrieve, 'p')", False, "GET"),
    "keyless API": ("return pcall(plain.make, {n = 1})", False, "POST"),
    "keyless builder": ("return pcall(function() return plain.new_thing():n(1):create() end)", False, "POST"),
    "keyless put": ("return pcall(plain.change, {n = 1})", False, "PUT"),
    "keyless patch": ("return pcall(plain.patch, {n = 1})", False, "PATCH"),
    "graphql": (
        "return pcall(function() return graphql{url = args[1]}:mutate('mutation { a }') end)", False, "POST",
    ),
    "function": ("return pcall(slow)", False, "POST"),
    **{
        f"http.{method}{' with key' if key else ''}": (
            f"return pcall(http.{method}, args[1] .. '/x', {{retries = 0, headers = {{"
            + ("['idempotency-key'] = 'k' .. math.random()" if key else "")
            + "}})",
            key,
            method.upper(),
        )
        for method in ("get", "put", "delete", "post", "patch")
        for key in (False, True)
    },
}  # fmt: skip
OBJECT = {"200": {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}}
BODY = {"content": {"application/json": {"schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}}}
PLAIN = {
    "openapi": "3.0.3",
    "info": {"title": "Plain", "version": "1"},
    "paths": {
        "/x": {
            "post": {"operationId": "make", "requestBody": BODY, "responses": OBJECT},
            "put": {"operationId": "change", "requestBody": BODY, "responses": OBJECT},
            "patch": {"operationId": "patch", "requestBody": BODY, "responses": OBJECT},
        },
        "/things": {"post": {"requestBody": BODY, "responses": OBJECT}},
    },
}


@pytest.fixture(scope="module")
def fail() -> Iterator[Callable[[str, Any], Any]]:
    """``fail(call, failure)`` gives the error's fields, or ``None`` where the call takes that for an answer."""
    server = ScriptedServer()
    with Host(
        stripe_secret_key="sk_test_x",
        stripe_api_base=server.url,
        api_limits="stripe: retries=0; plain: retries=0",
        permissions=Permissions(net=["127.0.0.1"]),
    ) as host:
        host.add_api("plain", PLAIN, base_url=server.url, auth={})

        @host.function
        async def slow() -> None:
            raise CallError("it may have been done", outcome="unknown", retryable=True)

        def run(code: str, failure: Any) -> Any:
            server.steps.clear()  # no circuit breaker is open by what came before
            host.run_source("pcall(stripe.products.list) http.get(args[1])", args=[server.url]).raise_for_error()
            server.steps[:] = [failure]
            code = f"local function call() {code} end local ok, e = call() if not ok then return e end"
            return host.run_source(code, args=[server.url]).raise_for_error().value

        yield run
    server.close()


@pytest.mark.parametrize("call", CALLS)
def test_nothing_is_retryable_that_could_be_done_twice(fail: Callable[[str, Any], Any], call: str) -> None:
    """A change that may have been made, and that the script would make again without its key, is not. All else is what
    the failure says."""
    code, keyed, method = CALLS[call]
    told = 0
    for name, failure in FAILURES.items():
        error = fail(code, failure)
        if error is None or "kind" not in error:  # http.* answer
            continue
        told += 1
        twice = error.get("outcome") == "unknown" and not keyed and method in ("POST", "PATCH")
        if twice:
            assert error.get("retryable") is not True, (name, error)
        elif name in ("drop", "429", "503"):
            assert error.get("retryable") is True, (name, error)
        if method == "GET":
            assert "outcome" not in error, name
    assert told


def test_who_has_a_key_the_script_did_not_give_is_told_how_to_use_it(fail: Callable[[str, Any], Any]) -> None:
    """The hint names the option that makes a repeat safe."""
    error = fail(CALLS["operation"][0], DROP)
    assert "idempotency_key = err.idempotency_key" in error["hint"]
    assert "hint" not in fail(CALLS["keyless API"][0], DROP)


def test_make_request_is_not_retryable_in_doubt(fail: Callable[[str, Any], Any]) -> None:
    """Each make_request has a key of its own, which nobody can give it again."""
    server = ScriptedServer()
    with Host(stripe_secret_key="sk_test_x", stripe_api_base=server.url, api_limits="stripe: retries=0") as host:
        for method, retryable in (("POST", False), ("GET", True)):
            server.steps[:] = [DROP]
            with pytest.raises(CallError) as caught:
                host.registry.make_request("products", method, {"name": "x"} if method == "POST" else {})
            assert caught.value.retryable is retryable
    server.close()
