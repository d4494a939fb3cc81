"""Runs that are recorded and replayed: the same run, with nothing sent, and told where it is another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from host import Host, UsageError
from host.cassettes.player import NoClient
from host.http.client import HttpClient
from host.http.guarded_client import CheckedClient
from host.simulator.server import SimulatorServer
from tests.cassettes.conftest import KEY
from tests.libraries.servers import Serving, WebApp

SHOP = """
local product = new_product():name("Tea"):metadata("at", os.time()):metadata("n", math.random(1e6)):create()
local price = new_price():product(product):currency("usd"):unit_amount(500):create()
local names = map({"a", "b", "c", "d"}, function(name) return new_customer():name(name):create() end)
local _, err = pcall(stripe.products.retrieve, "prod_none")
for customer in stripe.customers.list{limit = 2}:each() do print(customer.id, customer.name) end
print(product, price, table.concat(names, " "), err.message, err.request_id)
print(os.time(), os.date(), os.clock(), math.random(), collectgarbage("count"))
return {product = product, price = price}
"""
PET_API = {
    "openapi": "3.0.0",
    "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "http://localhost:1"}],
    "paths": {"/pets": {"get": {"operationId": "listPets", "responses": {"200": {"description": "all"}}}}},
}


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_what_was_recorded_from_a_server_is_replayed_with_the_network_cut(
    server: SimulatorServer, cassette: Path, cut: Callable[[], list[Any]], isolation: str
) -> None:
    """The same output and value, in this process and in a confined one, without a key; nothing is connected to."""
    with Host(stripe_secret_key=KEY, stripe_api_base=server.url, record=cassette) as host:
        recorded = host.run_source(SHOP).raise_for_error()
    server.close()
    with Host(replay=cassette, isolation=isolation) as host:
        tried = cut()
        replayed = host.run_source(SHOP).raise_for_error()
        assert host.unasked == ()
    assert (replayed.output, replayed.value) == (recorded.output, recorded.value)
    assert (recorded.simulated, replayed.simulated) == (False, True)  # nothing real happens
    assert tried == []
    assert KEY not in cassette.read_text()


def test_no_client_of_any_kind_is_asked(
    server: SimulatorServer, cassette: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the host's, nor that of http.*, nor a transport of the program's."""

    class Refusing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise AssertionError(f"{request.url} was asked")

    with Host(stripe_secret_key=KEY, stripe_api_base=server.url, record=cassette) as host:
        recorded = host.run_source(SHOP).raise_for_error()

    async def send(self: Any, request: Any, deadline: float) -> Any:
        raise AssertionError(f"{request.url} was asked")

    for client in (HttpClient, CheckedClient, NoClient):
        monkeypatch.setattr(client, "send", send)
    with Host(replay=cassette, transport=Refusing()) as host:
        assert host.run_source(SHOP).raise_for_error().output == recorded.output


@pytest.fixture
def web() -> Iterator[Serving]:
    """A server of odd answers, on a port."""
    running = Serving(WebApp())
    yield running
    running.close()


def test_web_addresses_graphql_and_other_apis_are_recorded(
    web: Serving, cassette: Path, cut: Callable[[], list[Any]]
) -> None:
    """Bodies as they came, byte for byte; statuses, headers and redirects as a script sees them."""
    script = f"""
    local base = "{web.base}"
    local r = http.get(base .. "/echo?b=1&a=2", {{headers = {{["X-Mine"] = "1"}}}})
    print(r.status, r.headers["content-type"], r.body)
    print(http.get(base .. "/status?code=404").status, http.get(base .. "/coded/gzip").body:sub(1, 20))
    print(#http.get(base .. "/bytes?times=2").body)
    print(http.post(base .. "/echo", {{json = {{a = {{1, 2}}}}}}).body)
    print(http.get(base .. "/redirect?to=/echo").url)
    print(select(2, pcall(function() return graphql{{url = base .. "/echo"}}:query("{{ viewer }}") end)))
    print(json.encode(pets.listPets()))
    """
    granted = {"net": [f"127.0.0.1:{web.port}"]}
    pets = {"document": PET_API, "base_url": web.base}
    with Host(apis={"pets": pets}, record=cassette, permissions=granted) as host:
        recorded = host.run_source(script).raise_for_error()
    web.close()
    asked = [json.loads(line)["request"] for line in cassette.read_text().splitlines()[2:]]
    assert [(each["method"], each.get("url", each.get("path")).removeprefix(web.base)) for each in asked] == [
        ("GET", "/echo"), ("GET", "/status"), ("GET", "/coded/gzip"), ("GET", "/bytes"), ("POST", "/echo"),
        ("GET", "/redirect"), ("GET", "/echo"), ("POST", "/echo"), ("GET", "/pets"),
    ]  # fmt: skip
    with Host(apis={"pets": {"document": PET_API}}, replay=cassette, permissions=granted) as host:
        tried = cut()
        replayed = host.run_source(script).raise_for_error()
        assert host.unasked == ()
    assert replayed.output == recorded.output
    assert tried == []


def test_a_download_is_written_again(web: Serving, tmp_path: Path, cassette: Path) -> None:
    """What went to a file goes there on replay as well."""
    target = tmp_path / "got"
    script = f'return http.get("{web.base}/coded/gzip", {{download = "{target}"}}).path'
    granted = {"net": [f"127.0.0.1:{web.port}"], "write": [str(tmp_path)]}
    with Host(simulate=True, record=cassette, permissions=granted) as host:
        host.run_source(script).raise_for_error()
    first = target.read_bytes()
    assert first
    target.unlink()
    web.close()
    with Host(replay=cassette, permissions=granted) as host:
        host.run_source(script).raise_for_error()
    assert target.read_bytes() == first


def test_failures_are_replayed_with_all_a_script_learns_of_them(cassette: Path, replay: Callable[..., Any]) -> None:
    """Kind, status, attempts, outcome, of a call that was made three times; without the waits between them."""
    answers = [503, None]

    def answer(request: httpx.Request) -> httpx.Response:
        status = answers.pop(0) if answers else 503
        if status is None:
            raise httpx.ReadError("the connection broke", request=request)
        return httpx.Response(status, json={"error": {"message": "away", "type": "api_error"}})

    script = "local _, e = pcall(stripe.products.retrieve, 'prod_1') print(e.kind, e.status, e.attempts, e.outcome, e)"
    with Host(stripe_secret_key=KEY, transport=httpx.MockTransport(answer), record=cassette) as host:
        recorded = host.run_source(script).raise_for_error()
    (interaction,) = [json.loads(line) for line in cassette.read_text().splitlines()[2:]]
    assert interaction["answer"]["earlier"] == [503, "network"]
    assert replay(script).raise_for_error().output == recorded.output


CHANGES = [
    ("name('Tea')", "name('Coffee')", ["    form.name\n", '      - "Tea"\n', '      + "Coffee"\n']),
    (":metadata('a', 1)", "", ["    form.metadata[a]\n", '      - "1"\n', "      + (not there)\n"]),
    ("('a', 1)", "('b', 1)", ["form.metadata[a]", "form.metadata[b]", "- (not there)"]),
    ("products.list{limit = 3}", "products.list{limit = 4}", ["    query.limit\n", '      - "3"\n', '      + "4"\n']),
    ("products.list{limit = 3}", "prices.list{limit = 3}", ["    path\n", '+ "/v1/prices"']),
    ("retrieve('prod_1'", "retrieve('prod_2'", ["    path\n", '      + "/v1/products/prod_2"\n']),
    ("{account = 'acct_1'}", "{account = 'acct_2'}", ["    headers.stripe-account\n", '- "acct_1"', '+ "acct_2"']),
]
ALL = """new_product():name('Tea'):metadata('a', 1):create()
stripe.products.list{limit = 3}
pcall(stripe.products.retrieve, 'prod_1', {}, {account = 'acct_1'})
pcall(stripe.products.retrieve, 'prod_1', {}, {account = 'acct_1'})
""".replace("pcall(stripe.products.retrieve, ", "pcall(function() stripe.products.retrieve(").replace("'})", "'}) end)")


@pytest.mark.parametrize(("before", "now", "said"), CHANGES)
def test_a_request_that_differs_ends_the_run_at_its_line_with_the_difference(
    record: Callable[..., Any], replay: Callable[..., Any], before: str, now: str, said: list[str]
) -> None:
    """By name, recorded and now; a script's pcall does not get past it."""
    record(ALL)
    changed = ALL.replace(before, now)
    line = 1 + next(i for i, each in enumerate(changed.splitlines()) if each not in ALL.splitlines())
    error = replay(changed).error
    assert (error.kind, error.line, error.script) == ("diverged", line, "inline")
    assert "shop.jsonl with these parameters. The nearest request there, on line" in error.message
    for each in said:
        assert each in error.message
    assert f"> {line} |" in error.source


def test_a_request_that_is_made_once_more_is_reported(record: Callable[..., Any], replay: Callable[..., Any]) -> None:
    """With how often it was recorded, and where."""
    record("stripe.products.list{limit = 3}")
    error = replay("for i = 1, 2 do\nstripe.products.list{limit = 3}\nend").error
    assert error.line == 2
    assert "GET stripe /v1/products was recorded once" in error.message
    assert "and is now made once more, with the same parameters" in error.message


def test_a_run_that_has_nothing_recorded_is_reported(record: Callable[..., Any], replay: Callable[..., Any]) -> None:
    """No nearest request is made up."""
    record("return 1")
    assert "which has no request of this run" in replay("new_product():name('x'):create()").error.message


def test_long_texts_are_shown_where_they_part(record: Callable[..., Any], replay: Callable[..., Any]) -> None:
    """Not their beginning, which is the same."""
    script = "new_product():name('x'):description(string.rep('long ', 100) .. 'END'):create()"
    record(script)
    message = replay(script.replace("END", "OTHER")).error.message
    assert "…" in message
    assert 'END"' in message
    assert 'OTHER"' in message
    assert len(message) < 1500


def test_requests_that_nobody_asks_for_are_reported(record: Callable[..., Any], cassette: Path) -> None:
    """With their line and run; it fails nothing."""
    record("new_product():name('Tea'):create() new_customer():name('Me'):create()")
    with Host(replay=cassette) as host:
        host.run_source("new_product():name('Tea'):create()").raise_for_error()
        assert host.unasked == ("line 4: POST stripe /v1/customers (run 1)",)
    with Host(simulate=True) as host:
        assert host.unasked == ()


def test_tasks_in_another_order_get_their_own_answers(record: Callable[..., Any], replay: Callable[..., Any]) -> None:
    """Requests are matched by what they ask, not by their place."""
    each = [f"function() return new_product():name('{name}'):create() end" for name in "abcd"]
    first = record(f"return parallel({', '.join(each)})").values
    again = replay(f"return parallel({', '.join(reversed(each))})").raise_for_error().values
    assert list(again) == list(reversed(first))


def test_equal_requests_are_answered_in_the_order_they_were(
    record: Callable[..., Any], replay: Callable[..., Any]
) -> None:
    """The second list shows what the first did not."""
    script = """
    local function count() return #stripe.products.list{limit = 10}.data end
    print(count()) new_product():name('x'):create() print(count()) new_product():name('x'):create() print(count())
    """
    assert record(script).output == "0\n1\n2\n"
    assert replay(script).raise_for_error().output == "0\n1\n2\n"


def test_answers_come_in_the_order_in_which_they_came(cassette: Path, replay: Callable[..., Any]) -> None:
    """The task that was answered first is first again, though it asked last."""
    held: list[Any] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        future = asyncio.get_running_loop().create_future()
        held.append((name, future))
        if len(held) == 3:
            for _, each in reversed(held):
                each.set_result(None)
                await asyncio.sleep(0)
        await future
        return httpx.Response(200, json={"id": name, "object": "product"})

    script = """
    local function get(id) return function() print(stripe.products.retrieve(id).id) end end
    parallel(get("prod_1"), get("prod_2"), get("prod_3"))
    """
    with Host(stripe_secret_key=KEY, transport=httpx.MockTransport(answer), record=cassette) as host:
        recorded = host.run_source(script).raise_for_error()
    assert recorded.output != "prod_1\nprod_2\nprod_3\n"
    assert replay(script).raise_for_error().output == recorded.output
    only_two = script.replace(', get("prod_3")', "")
    assert sorted(replay(only_two).raise_for_error().output.split()) == ["prod_1", "prod_2"]


def test_a_call_that_was_given_up_is_given_up_again(cassette: Path, replay: Callable[..., Any]) -> None:
    """It had no answer, and has none on replay."""

    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    script = "local t = spawn(stripe.products.retrieve, 'prod_1') sleep(0.05) t:cancel() print(pcall(t.wait, t))"
    with Host(stripe_secret_key=KEY, transport=httpx.MockTransport(never), record=cassette) as host:
        recorded = host.run_source(script).raise_for_error()
    assert json.loads(cassette.read_text().splitlines()[2])["answer"] is None
    assert replay(script).raise_for_error().output == recorded.output


def test_many_runs_have_each_their_own(cassette: Path) -> None:
    """Equal requests of different runs keep their answers, clocks and seeds, whatever runs first."""
    code = "local id = new_product():name('Tea'):create() return id .. ' ' .. math.random(1e9) .. ' ' .. n"
    jobs = [{"code": code, "globals": {"n": n}} for n in range(20)]
    with Host(simulate=True, record=cassette) as host:
        recorded = {result.value for result in host.run_many(jobs, concurrency=20)}
    with Host(replay=cassette) as host:
        replayed = {result.raise_for_error().value for result in host.run_many(jobs, concurrency=3)}
        assert host.unasked == ()
    assert replayed == recorded
    assert len(recorded) == 20


def test_a_script_that_draws_more_goes_on_from_the_last(record: Callable[..., Any], replay: Callable[..., Any]) -> None:
    """The clock does not jump to today, and a loop that waits for it ends; chance is the same each time."""
    record("return os.time()")
    once, later = replay("return os.time(), os.time()").values
    assert once <= later <= once + 60
    script = "return math.random(1e9)"
    assert replay(script).value == replay(script).value
    replay("local till = os.clock() + 0.01 while os.clock() < till do end").raise_for_error()


def test_functions_of_the_program_are_called_on_replay(cassette: Path) -> None:
    """They are no requests: what they do is the program's."""
    called = []
    for given in ({"simulate": True, "record": cassette}, {"replay": cassette}):
        with Host(**given) as host:
            host.function(lambda: called.append(1), name="tell")
            host.run_source("tell() new_product():name('x'):create()").raise_for_error()
    assert called == [1, 1]


def test_what_the_program_asks_itself_is_recorded(cassette: Path) -> None:
    """``make_request`` belongs to no run."""
    with Host(simulate=True, record=cassette) as host:
        made = host.registry.make_request("products", "POST", {"name": "x"})
    with Host(replay=cassette) as host:
        assert host.registry.make_request("products", "POST", {"name": "x"}) == made


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"record": "a", "replay": "b"}, "record and replay cannot be combined"),
        ({"record": "a", "processes": 2}, "record: a cassette needs a host of one process"),
        ({"replay": "a", "processes": 2}, "replay: a cassette needs a host of one process"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: dict[str, Any], said: str) -> None:
    """By name, before anything is opened."""
    with pytest.raises(UsageError, match=said):
        Host(simulate=True, **arguments)


def test_durable_runs_and_plans_are_refused(cassette: Path) -> None:
    """A durable run has a record of its own; a plan sends nothing that could be recorded."""
    with Host(simulate=True, record=cassette) as host:
        with pytest.raises(UsageError, match="a durable run has a record of its own"):
            host.run_source("return 1", durable=True)
        with pytest.raises(UsageError, match="a plan is neither recorded nor replayed"):
            host.plan("return 1\n")


def test_keys_of_calls_are_new_for_each_recording_and_the_same_on_replay(cassette: Path) -> None:
    """The API must not take a recording for an earlier one; a script that shows its key shows the same."""
    keys = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        return httpx.Response(402, json={"error": {"message": "no", "type": "card_error"}})

    script = "local _, e = pcall(function() new_product():name('x'):create() end) return e.idempotency_key"
    told = []
    for _ in range(2):
        with Host(stripe_secret_key=KEY, transport=httpx.MockTransport(answer), record=cassette) as host:
            told.append(host.run_source(script).value)
    with Host(replay=cassette) as host:
        told.append(host.run_source(script).value)
    assert len(set(keys)) == 2
    assert told == [*keys, keys[1]]
