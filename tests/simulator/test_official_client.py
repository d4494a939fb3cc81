"""Answers of the simulator as the official Python client reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from host.simulator.simulator import Simulator
from tests.simulator.conftest import KEY
from tests.simulator.test_bodies import everything
from tests.simulator.test_rule import walk

stripe_client = pytest.importorskip("stripe", reason="the official client is not installed")


class InProcess(stripe_client.HTTPClient):
    """A transport of the official client that asks a simulator in this process."""

    name = "simulator"

    def __init__(self, simulator: Simulator) -> None:
        super().__init__()
        self.simulator = simulator

    def request(self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None) -> Any:
        target = "/" + url.split("/", 3)[3]
        body = post_data.encode() if isinstance(post_data, str) else post_data or b""
        status, fields, answer = self.simulator.handle(method, target, dict(headers or {}), body)
        return answer, status, fields

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def client(make) -> Any:
    """The official client on a new simulator."""
    return stripe_client.StripeClient(KEY, http_client=InProcess(make().simulator), max_network_retries=0)


@pytest.mark.parametrize("lenient", [False, True])
def test_the_official_client_reads_every_body(stripe, lenient) -> None:
    """Whatever succeeds becomes an object of the client, and back the same JSON."""
    asked = walk(stripe, lenient=lenient)
    client = stripe_client.StripeClient(KEY, http_client=InProcess(asked.simulator))
    read = 0
    for id in stripe.operation_ids():
        op = stripe.operation(id)
        for params in (asked.least(op), everything(asked, id)):
            status, answer = asked.ask(id, params)
            if status != 200 or isinstance(answer, bytes):
                continue
            mode = "V2" if op.path.startswith("/v2/") else "V1"
            found = client.deserialize(json.dumps(answer), api_mode=mode)
            assert json.loads(str(found)) == answer, id
            read += 1
    assert read > (600 if lenient else 250)


def test_what_is_not_modelled_is_an_error_of_the_client_and_is_not_tried_again(client) -> None:
    """What is not modelled is an error of the client and is not tried again."""
    with pytest.raises(stripe_client.APIError, match="does not model"):
        client.raw_request("post", "/v1/climate/orders", product="climsku_1", amount=100, currency="usd")
