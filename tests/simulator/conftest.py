"""A simulated Stripe per test, with a fixed clock and seed, and short words to talk to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from host.apis.catalog import Catalog
from host.apis.stripe import load
from host.simulator.simulator import Simulator

KEY = "sk_test_abcdefgh1234"


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Api:
    """Requests to a simulator as a Stripe client makes them; answers decoded, files as bytes."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.headers: dict[str, str] = {}

    def ask(self, method: str, target: str, params: Any = "", **headers: str) -> tuple[int, Any]:
        sent = {"Authorization": f"Bearer {KEY}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if target.startswith("/v2/"):
            sent.setdefault("Stripe-Version", self.simulator.catalog.version)
        if isinstance(params, dict):
            body = json.dumps(params).encode()
            sent.setdefault("Content-Type", "application/json")
        else:
            body = params.encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        status, self.headers, answer = self.simulator.handle(method, target, sent, body)
        if not self.headers.get("content-type", "").endswith("json"):
            return status, answer  # a file
        return status, json.loads(answer) if answer else None

    def ask_as(self, method: str, target: str, params: Any = "", key: str = "") -> tuple[int, Any]:
        """The same with another key."""
        return self.ask(method, target, params, Authorization=f"Bearer {key or KEY}")

    def get(self, target: str, **query: Any) -> Any:
        """The answer's object; the request must succeed."""
        return self._done("GET", target + ("?" + urlencode(query) if query else ""), "")

    def post(self, target: str, params: Any = "", **headers: str) -> Any:
        return self._done("POST", target, params, **headers)

    def delete(self, target: str) -> Any:
        return self._done("DELETE", target, "")

    def _done(self, method: str, target: str, params: Any, **headers: str) -> Any:
        status, answer = self.ask(method, target, params, **headers)
        assert status in (200, 204), answer
        return answer

    def error(self, method: str, target: str, params: Any = "", **headers: str) -> tuple[int, Any]:
        """(status, error object); the request must fail."""
        status, answer = self.ask(method, target, params, **headers)
        assert status >= 400, answer
        return status, answer["error"]

    def ids(self, target: str) -> list[str]:
        return [item["id"] for item in self.get(target)["data"]]


@pytest.fixture(scope="session")
def stripe() -> Catalog:
    return load()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(stripe: Catalog, clock: Clock) -> Api:
    return Api(Simulator(stripe, clock=clock, seed=7))


@pytest.fixture
def make(stripe: Catalog, clock: Clock) -> Iterator[Callable[..., Api]]:
    """Further simulators, with options; closed at the end."""
    made: list[Simulator] = []

    def build(catalog: Catalog = stripe, **options: Any) -> Api:
        made.append(Simulator(catalog, clock=clock, **options))
        return Api(made[-1])

    yield build
    for simulator in made:
        simulator.close()


@pytest.fixture
def price(api: Api) -> str:
    """A recurring price of 20.00 USD a month."""
    product = api.post("/v1/products", "name=Plan")
    made = api.post("/v1/prices", f"product={product['id']}&currency=usd&unit_amount=2000&recurring[interval]=month")
    return str(made["id"])


@pytest.fixture
def payer(api: Api) -> str:
    """A customer with a card that works."""
    customer = api.post("/v1/customers", "email=a@example.com&payment_method=pm_card_visa")
    (method,) = api.ids(f"/v1/customers/{customer['id']}/payment_methods")
    api.post(f"/v1/customers/{customer['id']}", f"invoice_settings[default_payment_method]={method}")
    return str(customer["id"])
