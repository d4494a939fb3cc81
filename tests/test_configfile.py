"""host.toml: what it may say, and how a mistake in it is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytest_httpx import HTTPXMock

from host import Budget, ConfigError, Host, Limits, Permissions
from host.config_file import ApiEntry, ConfigFile, read_config

WHOLE = """
[permissions]
allow_ops = ["stripe.products.*"]
read_only = true

[budget]
max_calls = 10
max_amount = { usd = 50000 }

[budget.daily]
max_mutations = 100

[limits]
memory = 33554432

[settings]
http_timeout = 4

[apis.petstore]
document = "pets.json"

[apis.shop]
document = "/etc/shop.yaml"
base_url = "https://shop.example"
auth = { user = "SHOP_USER", token = "SHOP_TOKEN" }
"""

PETS = {
    "openapi": "3.0.0",
    "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "https://pets.example"}],
    "paths": {"/pets": {"get": {"operationId": "pets.list", "responses": {"200": {"description": "all"}}}}},
}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("HOST_HTTP_TIMEOUT", raising=False)


def test_every_table(tmp_path: Path) -> None:
    """The fields of Permissions, Budget, Limits and Settings by their names."""
    (tmp_path / "host.toml").write_text(WHOLE)
    assert read_config() == ConfigFile(
        "host.toml",
        Permissions(allow_ops=["stripe.products.*"], read_only=True),
        Budget(max_calls=10, max_amount={"usd": 50000}),
        Budget(max_mutations=100),
        Limits(memory=32 << 20),
        {"http_timeout": 4},
        {
            "petstore": ApiEntry("host.toml:19", "pets.json"),
            "shop": ApiEntry(
                "host.toml:22", "/etc/shop.yaml", "https://shop.example", {"user": "SHOP_USER", "token": "SHOP_TOKEN"}
            ),
        },
    )


def test_without_a_file_nothing_is_said() -> None:
    """The current folder's is used if it is there; a file that is named must be."""
    assert read_config() == ConfigFile()
    with pytest.raises(ConfigError, match="no such file"):
        read_config("other.toml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[permissions]\n\nallow_op = []", "host.toml:3: there is no 'allow_op' in [permissions]; did you"),
        ("[permisions]", "host.toml:1: there is no 'permisions'; did you mean 'permissions'?"),
        ("[permissions]\nnet = ['https://x']", "host.toml:2: 'https://x' is not a network grant"),
        ("[permissions]\nread_only = 'yes'", "host.toml:2: Permissions.read_only is 'yes'; expected True"),
        ("[budget]\nmax_calls = -1", "host.toml:2: Budget.max_calls is -1"),
        ("[budget]\n[budget.daily]\nmax_amount = {usd = 'x'}", "host.toml:3: the amount for usd is 'x'"),
        ("[limits]\nmemory = 0", "host.toml:2: Limits.memory is 0"),
        ("[settings]\nstripe_secret_key = 'sk_live_1'", "host.toml:2: a key does not belong in this file"),
        ("[settings]\nhttp_timeot = 3", "host.toml:2: there is no 'http_timeot' in [settings]; did"),
        ("[limits]\nmemory = 99999999999999999999999", "host.toml:2: Limits.memory is 99999999999999999999999;"),
        ("a = " + "[" * 2000, "host.toml: it is nested too deep"),
        ("# " + "x" * (1 << 20), "host.toml cannot be read: it is over 1 MB"),
        ("[permissions]\nnet = ['[::1']", "host.toml:2: '[::1' is not a network grant"),
        ("permissions = 5", "host.toml:1: permissions is 5; expected a table [permissions]"),
        ("\n[apis.pets]\ndocumnt = 'x'", "host.toml:3: there is no 'documnt' in [apis.pets]; did you"),
        ("[apis.pets]\nbase_url = 'x'", "host.toml:1: [apis.pets] has no document"),
        ("[apis.pets]\ndocument = 5", "host.toml:2: document is 5; expected a string"),
        ("[apis]\npets = 'pets.yaml'", "host.toml:2: pets is 'pets.yaml'; expected a table [apis.pets]"),
        ("[apis.pets]\ndocument = 'x'\nauth = 'sk_live_1'", "host.toml:3: auth is the name of an environment"),
        ("[apis.pets]\ndocument = 'x'\nauth = {a = 'sk_live_1'}", "such as PETS_API_KEY, or a table of these"),
        ("[apis.pets]\ndocument = 'x'\nauth = 'STRIPE_SECRET_KEY'", "host.toml:3: auth is STRIPE_SECRET_KEY, which"),
        ("a = 1\n[permissions}", "host.toml: Expected ']' at the end of a table declaration (at line 2"),
    ],
)  # fmt: skip
def test_a_mistake_is_shown_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    """File, line, key, what was expected; and never the value of a key."""
    (tmp_path / "host.toml").write_text(text)
    with pytest.raises(ConfigError) as found:
        read_config()
    assert told in str(found.value)
    assert "sk_live_1" not in str(found.value)


def test_a_setting_of_the_file_yields_to_every_other_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults < host.toml < .env < environment < arguments; a bad value names the file."""
    (tmp_path / "host.toml").write_text("[settings]\nhttp_timeout = 4")
    with Host(simulate=True, config="host.toml") as host:
        assert host.settings.http_timeout == 4
        assert host.settings.source("http_timeout") == "host.toml"
    with Host(simulate=True, config="host.toml", http_timeout=2) as host:
        assert host.settings.http_timeout == 2
    monkeypatch.setenv("HOST_HTTP_TIMEOUT", "3")
    with Host(simulate=True, config="host.toml") as host:
        assert host.settings.http_timeout == 3
    monkeypatch.delenv("HOST_HTTP_TIMEOUT")
    (tmp_path / "host.toml").write_text("[settings]\nhttp_timeout = 0")
    with pytest.raises(ConfigError, match=r"HOST_HTTP_TIMEOUT \(set by host.toml\)"):
        Host(simulate=True, config="host.toml")


def test_a_host_takes_its_rules_from_the_file(tmp_path: Path) -> None:
    """Permissions, budgets and limits; what is given as an argument takes the place of what the file says."""
    (tmp_path / "host.toml").write_text(WHOLE.partition("[apis")[0])
    code = 'return pcall(function() return new_product():name("x"):create() end)'
    with Host(simulate=True, config="host.toml") as host:
        assert host.run_source(code).value is False
        assert host.limits.memory == 32 << 20
    with Host(simulate=True, config="host.toml", permissions=Permissions()) as host:
        assert host.run_source(code).value is True


def test_a_host_offers_the_apis_of_the_file(
    tmp_path: Path, httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As --api does: the document beside the file, the key from the environment or .env, no Stripe key needed."""
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "pets.json").write_text(json.dumps(PETS))
    config = folder / "host.toml"
    config.write_text(
        '[apis.pets]\ndocument = "pets.json"\nbase_url = "https://own.example/v1"\nauth = "MY_PETS_TOKEN"'
    )
    with Host(simulate=True, config=config) as host:  # needs no key, as nothing is sent
        assert host.run_source("return pets.pets.list() ~= nil").raise_for_error().value is True
    with pytest.raises(ConfigError, match=r"host.toml:1: auth names MY_PETS_TOKEN, which is not set"):
        Host(config=config)
    monkeypatch.setenv("MY_PETS_TOKEN", "token-of-mine")
    httpx_mock.add_response(url="https://own.example/v1/pets", json=[{"id": 1}])
    with Host(config=config) as host:
        assert host.run_source("return pets.pets.list()[1].id").raise_for_error().value == 1
    (request,) = httpx_mock.get_requests()
    assert request.headers["Authorization"] == "Bearer token-of-mine"


def test_an_api_of_the_file_yields_to_an_argument_and_names_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is given wins by name; what cannot be added is told with the table's line."""
    config = tmp_path / "host.toml"
    config.write_text('[apis.pets]\ndocument = "nowhere.json"')
    with Host(simulate=True, config=config, apis={"pets": PETS}) as host:
        assert host.catalog("pets").operation_ids() == ("pets.list",)
    with pytest.raises(ConfigError, match=r"host.toml:1: .*nowhere.json"):
        Host(simulate=True, config=config)
    (tmp_path / "pets.json").write_text(json.dumps(PETS))
    config.write_text('[apis.stripe]\ndocument = "pets.json"')
    with pytest.raises(ConfigError, match=r"host.toml:1: the name 'stripe' is taken"):
        Host(simulate=True, config=config)
    monkeypatch.setenv("PETS_API_KEY", "a-key")
    config.write_text('[apis.pets]\ndocument = "pets.json"\nbase_url = "https://elsewhere.example"')
    with pytest.raises(ConfigError, match="used only with a key from the same source") as caught:
        Host(config=config)
    assert caught.value.hint == 'Beside base_url, auth = "PETS_API_KEY" says that this key may go there.'
