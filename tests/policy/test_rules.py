"""Permissions, budgets and secrets in the call pipeline, as runs of a host meet them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from host import Budget, ConfigError, Host, Permissions, UsageError
from host.events import Event

KEY = "sk_test_51AbCdEfGhIjKlMnOpQr4242"
LIVE = "sk_live_51AbCdEfGhIjKlMnOpQr4242"

PAY = 'return new_payment_intent():amount(AMOUNT):currency("usd"):create()'


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("STRIPE_SECRET_KEY", "STRIPE_API_BASE"):
        monkeypatch.delenv(name, raising=False)


class Sink:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
def simulated() -> Iterator[Host]:
    with Host(simulate=True) as host:
        yield host


def failed(host: Host, code: str, **options: Any) -> Any:
    error = host.run_source(code, **options).error
    assert error is not None
    return error


def test_a_denied_operation_is_not_sent() -> None:
    """The simulator never sees it, the script gets a denied error it can catch, and other operations work."""
    with Host(simulate=True, permissions=Permissions(deny_ops="*.delete")) as host:
        code = """
          local id = new_product():name("x"):create()
          local ok, err = pcall(stripe.products.delete, id)
          return {ok, err.kind, err.operation, err.outcome, err.hint, stripe.products.retrieve(id).name}"""
        result = host.run_source(code)
        hint = "It is refused by --deny-op '*.delete'."
        assert result.value == [False, "denied", "stripe.products.delete", "not_sent", hint, "x"]


def test_other_names_of_an_operation_are_denied_too() -> None:
    """Permissions are about the operation, whatever a script calls it by."""
    with Host(simulate=True, permissions=Permissions(deny_ops="stripe.*.create")) as host:
        api = host._apis["stripe"]
        aliases = [name for name, id in api.catalog.aliases().items() if id.endswith(".create")]
        for code in ('new_product():name("x"):create()', 'stripe.new_product():name("x"):create()'):
            assert failed(host, code).kind == "denied"
        for alias in aliases[:3]:
            operation = api.catalog.operation(alias)
            assert operation is not None
            path = ", ".join('"x"' for _ in operation.path_params)
            error = failed(host, f"stripe.{alias}({path})")
            assert error.kind in ("denied", "invalid"), alias


def test_the_pages_of_a_list_are_checked_like_calls() -> None:
    """each() asks for further pages through the same checks."""
    with Host(simulate=True, budget=Budget(max_calls=5)) as host:
        host.run_source('for i = 1, 3 do new_product():name("x"):create() end')
        error = failed(host, "for p in stripe.products.list{limit=1}:each() do end")
        assert error.kind == "limit"
        assert "max-calls" in (error.hint or "")


def test_a_run_is_given_less_and_never_more(simulated: Host) -> None:
    """permissions= of a run narrows; the host's own stay as they are for the next."""
    code, read_only = 'new_product():name("x"):create()', Permissions(read_only=True)
    assert failed(simulated, code, permissions=read_only).kind == "denied"
    assert simulated.run_source(code).error is None
    with Host(simulate=True, permissions=read_only) as host:
        assert failed(host, code, permissions=Permissions(allow_ops=["*"])).kind == "denied"


def test_a_pattern_that_matches_nothing_is_refused(simulated: Host) -> None:
    """Nobody finds out from a refund that deny_ops was misspelt."""
    with pytest.raises(UsageError, match=r"stripe\.refund\.\*") as found:
        simulated.run_source("return 1", permissions=Permissions(deny_ops="stripe.refund.*"))
    assert "deny_ops" in str(found.value)
    with pytest.raises(UsageError, match="did you mean"):
        simulated.run_source("return 1", permissions=Permissions(allow_ops="stripe.products.creat"))


def test_functions_are_granted_by_name_and_effect(simulated: Host) -> None:
    """Registered functions come under functions= and read_only."""

    @simulated.function(effect="read")
    def look(x: int) -> int:
        return x

    @simulated.function
    def change(x: int) -> int:
        return x

    read_only = Permissions(read_only=True)
    assert simulated.run_source("return look(1)", permissions=read_only).value == 1
    assert failed(simulated, "change(1)", permissions=read_only).kind == "denied"
    assert failed(simulated, "look(1)", permissions=Permissions(functions=["change"])).kind == "denied"
    assert failed(simulated, "look(STRIPE_API_KEY)").kind == "invalid"


def test_test_mode_only_refuses_a_live_key() -> None:
    """At the host's opening, and for one run at its first call; the simulator has no key to refuse."""
    with pytest.raises(ConfigError, match="test_mode_only") as found:
        Host(stripe_secret_key=LIVE, permissions=Permissions(test_mode_only=True))
    assert LIVE not in str(found.value)
    Host(simulate=True, stripe_secret_key=LIVE, permissions=Permissions(test_mode_only=True)).close()
    with Host(stripe_secret_key=LIVE, transport=httpx.MockTransport(lambda _: httpx.Response(500))) as host:
        error = failed(host, "stripe.products.list{}", permissions=Permissions(test_mode_only=True))
        assert error.kind == "denied"


PETS = {
    "openapi": "3.0.0",
    "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "https://pets.example"}],
    "security": [{"key": []}],
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
    "paths": {"/pets": {"get": {"operationId": "listPets", "responses": {"200": {"description": "ok"}}}}},
}


def test_an_added_api_comes_under_the_same_rules() -> None:
    """Its live key is refused where only tests are allowed, its key is masked, its operations are granted."""
    permissions = Permissions(test_mode_only=True, deny_ops=["pets.*"])
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=[]))
    with Host(stripe_secret_key=KEY, permissions=permissions, transport=transport) as host:
        with pytest.raises(ConfigError, match="the key of live is sk_live_"):
            host.add_api("live", PETS, auth=LIVE)
        host.add_api("pets", PETS, auth="pets-key-0123456789")
        assert host.run_source('print("pets-key-" .. "0123456789")').output == "…6789\n"
        (name,) = host._apis["pets"].catalog.operation_ids()
        assert failed(host, f"pets.{name}()").kind == "denied"


# -- budgets


def test_a_runs_budget_is_its_own_and_the_hosts_is_shared() -> None:
    """Each run has its budget; together they cannot pass the host's."""
    with Host(simulate=True, budget=Budget(max_amount={"usd": 1000})) as host:
        code = PAY.replace("AMOUNT", "400")
        own = Budget(max_amount={"usd": 500})
        assert host.run_source(code, budget=own).error is None
        assert host.run_source(code, budget=own).error is None
        error = failed(host, code, budget=own)
        assert "the host has a budget of 1,000 usd, of which 200 are left" in error.message
        assert "the run has" in failed(host, PAY.replace("AMOUNT", "501"), budget=own).message


def test_tasks_together_do_not_pass_a_budget(simulated: Host) -> None:
    """Fifty tasks at once, money for seven: seven are charged."""
    code = """
      local n = 0
      local all = {}
      for i = 1, 50 do all[i] = i end
      map(all, function()
        if pcall(function() new_payment_intent():amount(100):currency("usd"):create() end) then n = n + 1 end
        return true
      end, {limit = 50})
      return {n, #stripe.payment_intents.list{limit=100}.data}"""
    result = simulated.run_source(code, budget=Budget(max_amount={"usd": 700}))
    assert result.value == [7, 7]


def test_a_payment_from_create_to_refund_under_a_budget(simulated: Host) -> None:
    """Confirming what was counted is free, refunding counts again, another run's payment is not confirmed."""
    code = """
      local function pay(n)
        return new_payment_intent():amount(n):currency("usd"):payment_method("pm_card_visa"):create()
      end
      local id = pay(1000)
      stripe.payment_intents.confirm(id)
      stripe.refunds.create{payment_intent = id, amount = 500}
      local ok, err = pcall(stripe.refunds.create, {payment_intent = id, amount = 501})
      return {ok, err.kind, pay(50)}"""
    budget = Budget(max_amount={"usd": 2000})
    result = simulated.run_source(code, budget=budget)
    assert result.error is None, result.error
    ok, kind, other = result.value
    assert (ok, kind) == (False, "limit")
    error = failed(simulated, f"stripe.payment_intents.confirm({json.dumps(other)})", budget=budget)
    assert "not known before it is sent" in error.message


def test_a_refused_connection_costs_nothing_of_the_budget() -> None:
    """What surely was not sent is given back, also after the host's own retries told it so."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with Host(stripe_secret_key=KEY, transport=httpx.MockTransport(refuse)) as host:
        code = """
          for i = 1, 3 do pcall(function() new_product():name("x"):with{retries=0}:create() end) end
          new_product():name("x"):with{retries=0}:create()"""
        result = host.run_source(code, budget=Budget(max_mutations=1))
        assert result.error is not None
        assert result.error.kind == "network"


def test_a_days_budget_outlives_the_host() -> None:
    """The next host with that key on that day finds what is left."""
    for left in (True, False):
        with Host(simulate=True, daily_budget=Budget(max_mutations=1)) as host:
            result = host.run_source('new_product():name("x"):create()')
            assert (result.error is None) is left
    assert result.error is not None
    assert "today has a budget of 1 mutations" in result.error.message


def test_a_budget_and_processes_exclude_each_other() -> None:
    """What is left is counted in one process; a host that could not keep its budget is not opened."""
    with pytest.raises(UsageError, match="budget"):
        Host(simulate=True, budget=Budget(max_calls=1), processes=2)


def test_the_documents_examples_hold(tmp_path: Path) -> None:
    """What docs/permissions.md shows in Python runs, and its host.toml is read without complaint."""
    text = (Path(__file__).parents[2] / "docs" / "permissions.md").read_text(encoding="utf-8")
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, {})
    found = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert len(found) == 1
    (tmp_path / "host.toml").write_text(found[0])
    pets = {"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {"/pets": {"get": {"responses": {}}}}}
    (tmp_path / "petstore.yaml").write_text(json.dumps(pets))
    with Host(simulate=True, config="host.toml") as host:
        assert host.run_source('new_product():name("x"):create()').error is None
        assert failed(host, "stripe.refunds.list{}").kind == "denied"


# -- secrets


def echo(request: httpx.Request) -> httpx.Response:
    """An API that tells the caller's own key back."""
    return httpx.Response(
        200, json={"id": "prod_1", "object": "product", "description": request.headers["authorization"]}
    )


def test_a_key_that_an_api_echoes_does_not_reach_the_script() -> None:
    """The answer is masked before it is decoded: the script cannot even compare."""
    with Host(stripe_secret_key=KEY, transport=httpx.MockTransport(echo)) as host:
        code = 'local p = stripe.products.retrieve("prod_1").description return {p, #p}'
        result = host.run_source(code)
        assert result.error is None
        shown, length = result.value
        assert "sk_test_…4242" in shown
        assert length == len(shown.encode())


def test_an_opaque_secret_is_no_parameter(simulated: Host) -> None:
    """STRIPE_API_KEY in a parameter, a path, metadata: refused at that line, named for what it is."""
    for code in (
        "new_product():name(STRIPE_API_KEY)",
        'new_customer():metadata("a", "x" .. STRIPE_API_KEY)',
        "stripe.products.retrieve(STRIPE_API_KEY)",
    ):
        error = failed(simulated, code)
        assert error.kind == "invalid"
        assert "opaque secret" in error.message
    assert simulated.run_source("return STRIPE_API_KEY").value == "[secret]"
    assert simulated.run_source("return json.encode{STRIPE_API_KEY}").value == '["[secret]"]'


def test_the_environment_is_granted_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A granted variable is read as it is, others are not there; a run may be given less."""
    monkeypatch.setenv("APP_REGION", "eu")
    monkeypatch.setenv("APP_OTHER", "no")
    code = 'return {env.APP_REGION or "none", os.getenv("APP_OTHER") or "none", env.EXTRA or "none"}'
    with Host(simulate=True, permissions=Permissions(env=["APP_REGION"]), env={"EXTRA": "1"}) as host:
        assert host.run_source(code).value == ["eu", "none", "1"]
        assert host.run_source(code, permissions=Permissions(env=["EXTRA"])).value == ["none", "none", "1"]
        assert host.run_source(code, permissions=Permissions(env=["*"])).value == ["eu", "none", "1"]


def test_a_granted_secret_is_masked_where_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token of the environment is the script's to use, and stays out of output, logs, errors, traces. The
    API's own key is not given even so."""
    token = "ghp_0123456789abcdefghij"
    monkeypatch.setenv("GITHUB_TOKEN", token)
    monkeypatch.setenv("STRIPE_SECRET_KEY", KEY)
    sink = Sink()
    granted = Permissions(env=["GITHUB_TOKEN", "STRIPE_SECRET_KEY"])
    with Host(transport=httpx.MockTransport(echo), sinks=[sink], permissions=granted) as host:
        code = """
          print(env.GITHUB_TOKEN)
          log.warn("token " .. env.GITHUB_TOKEN)
          pcall(stripe.products.update, "prod_1", {description = env.GITHUB_TOKEN})
          return {#env.GITHUB_TOKEN, env.STRIPE_SECRET_KEY, env.GITHUB_TOKEN}"""
        result = host.run_source(code)
        assert result.error is None
        assert result.value[0] == len(token)
        failure = failed(host, "error(env.GITHUB_TOKEN)")
    events = [repr(event) for event in sink.events]
    told = repr((result, events, str(failure), failure.facts, failure.traceback))
    assert token not in told
    assert KEY not in told
    assert "ghij" in result.output


def test_passwords_in_urls_are_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of granted databases and of the environment's proxies."""
    monkeypatch.setenv("HTTPS_PROXY", "http://me:proxy-pass-1@proxy.example:8080")
    with Host(simulate=True, permissions=Permissions(sql=["postgresql://me:sql-pass-1@db/shop"])) as host:
        result = host.run_source('print("proxy-" .. "pass-1", "sql-pass" .. "-1")')
        assert result.output == "…\t…\n"


def version_of(request: httpx.Request) -> httpx.Response:
    """An API that tells the version it was asked for."""
    return httpx.Response(200, json={"id": "prod_1", "description": request.headers["stripe-version"]})


def test_the_version_of_the_settings_goes_with_each_request() -> None:
    """STRIPE_API_VERSION in place of the catalog's; a call's own option before both."""
    asked = 'return {stripe.products.retrieve("prod_1").description, '
    asked += 'stripe.products.retrieve("prod_1", {}, {api_version = "2022-11-15"}).description}'
    transport = httpx.MockTransport(version_of)
    with Host(stripe_secret_key=KEY, transport=transport, stripe_api_version="2024-06-20") as host:
        assert host.run_source(asked).raise_for_error().value == ["2024-06-20", "2022-11-15"]
    with Host(stripe_secret_key=KEY, transport=transport) as host:
        usual = host.run_source(asked).raise_for_error().value[0]
        assert usual not in ("2024-06-20", "2022-11-15")
