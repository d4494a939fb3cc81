"""What a host needs a Stripe key for, and where its absence is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from host import ConfigError, Host, Permissions, UsageError

DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "pets", "version": "1"},
    "servers": [{"url": "https://pets.example"}],
    "components": {"securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Token"}}},
    "security": [{"token": []}],
    "paths": {
        "/pets/{id}": {
            "get": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}},
            }
        }
    },
}


@pytest.fixture(autouse=True)
def without_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STRIPE_SECRET_KEY", raising=False)


def test_a_host_of_stripe_alone_needs_its_key() -> None:
    """Nothing is simulated unasked; the hint names all ways out."""
    with pytest.raises(ConfigError, match="STRIPE_SECRET_KEY is not set") as caught:
        Host()
    assert caught.value.hint is not None
    assert "simulate=True" in caught.value.hint
    assert "Host(apis={" in caught.value.hint
    with pytest.raises(ConfigError, match="STRIPE_SECRET_KEY is not set"):
        Host(permissions=Permissions(allow_ops=("stripe.products.retrieve",)))


@pytest.mark.parametrize(
    "options",
    [
        {"apis": {}},
        {"apis": {"pets": DOCUMENT}},
        {"permissions": Permissions(deny_ops=("*",))},
        {"permissions": Permissions(allow_ops=())},
        {"permissions": Permissions(deny_ops=("stripe.*",))},
    ],
    ids=str,
)
def test_plain_rules_need_none(options: dict[str, Any]) -> None:
    """Where other APIs are named, be it none, or no call of Stripe is granted: until a script calls Stripe."""
    with Host(**options) as host:

        @host.function(effect="read")
        def rate(currency: str) -> float:
            return 1.25

        assert not host.simulated
        assert host.run_source("return 2 * rate('usd')").raise_for_error().value == 2.5
        error = host.run_source("local x = 1\nnew_product():name('x'):create()", name="rules.lua").error
        assert error is not None
        assert (error.place, error.kind, error.outcome) == ("rules.lua:2", "denied", "not_sent")
        if "apis" in options:
            assert "STRIPE_SECRET_KEY is not set" in error.message
            assert error.hint is not None
            assert "Set STRIPE_SECRET_KEY" in error.hint


class Pets(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"admitted": true}' if self.headers.get("X-Token") == "secret-token" else b"{}"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Pets)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_base_url_and_auth_are_given_with_the_document(address: str) -> None:
    """As add_api takes them, in the same call that opens the host."""
    with Host(apis={"pets": {"document": DOCUMENT, "base_url": address, "auth": "secret-token"}}) as host:
        assert host.run_source("return pets.pets.retrieve('1').admitted").raise_for_error().value is True


def test_what_an_api_has_is_checked() -> None:
    """Another member is named, and so is a missing document."""
    with pytest.raises(UsageError, match=r"apis\['pets'\] has 'url'; expected one of document, base_url, auth"):
        Host(apis={"pets": {"document": DOCUMENT, "url": "https://pets.example"}})
    with pytest.raises(UsageError, match=r"apis\['pets'\] has no document"):
        Host(apis={"pets": {"base_url": "https://pets.example"}})
    with pytest.raises(UsageError, match=r"apis\['pets'\] has no document"):
        Host(apis={"pets": {"documnt": "pets.yaml"}})
    with pytest.raises(UsageError, match=r"apis\['pets'\] is 5; expected an OpenAPI document"):
        Host(apis={"pets": 5})  # type: ignore[dict-item]
