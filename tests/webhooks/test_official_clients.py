"""What the simulator delivers the official clients verify, and what they sign ``listen`` takes: Python, Node and Go."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host.apis.stripe import load
from host.serve.signatures import sign
from host.simulator.delivery import Deliveries, Target
from host.simulator.simulator import Simulator
from host.webhooks.service import Webhooks
from tests.simulator.conftest import Api
from tests.simulator.test_events import Receiver, receiver
from tests.simulator.test_thin_events import destination
from tests.webhooks.conftest import SECRET, Post, Shop
from tests.webhooks.official_clients import CLIENTS, Delivered, ToSign, asked_of

__all__ = ["receiver"]  # a fixture

Client = Callable[[list[Delivered], list[ToSign]], dict[str, Any]]
THIN = "v1.customer.created"


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """``client(verify, sign)``: each client in turn."""
    answer = CLIENTS[request.param]
    return lambda verify, sign: answer(asked_of(verify, sign), tmp_path, monkeypatch)


def test_official_clients_verify_what_is_delivered_and_nothing_else(client: Client, receiver: Receiver) -> None:
    """Snapshots and thin events, of two secrets and of a connected account, in any script; not with another secret, not
    changed, not as old as they are then."""
    api = Api(Simulator(load()))
    account = api.post("/v1/accounts", "type=custom&country=US")["id"]
    forward = Target(receiver.url, ("whsec_old", "whsec_new"), ("customer.*", THIN))
    with Deliveries(api.simulator, [forward]) as deliveries:
        to = destination(api, receiver.url, THIN, "v2.core.account.created")
        api.post("/v1/customers", "name=%C3%A9%E2%9C%93 %F0%9F%98%80")
        api.post("/v1/customers", "name=theirs", Stripe_Account=account)
        api.post("/v2/core/accounts", {"display_name": "x"})
        assert deliveries.wait()
    own = to["webhook_endpoint"]["signing_secret"]
    good, expected = [], []
    for headers, body in receiver.got:
        event, header = json.loads(body), headers["stripe-signature"]
        secrets = ["whsec_old", "whsec_new"] if header.count("v1=") == 2 else [own]
        thin = event["object"] == "v2.core.event"
        good += [Delivered(body, header, secret, thin) for secret in secrets]
        expected += [{"id": event["id"], "type": event["type"]}] * len(secrets)
    assert {each["type"] for each in expected} == {"customer.created", THIN, "v2.core.account.created"}
    assert {each.thin for each in good} == {True, False}
    now = int(time.time())
    first = good[0]
    ahead = first._replace(header=sign(first.body, [first.secret], now + 3600))
    bad = [
        first._replace(secret="whsec_other"),
        first._replace(body=first.body + b" "),
        first._replace(header=sign(first.body, [first.secret], now - 400)),
        first._replace(header="nonsense"),
        next(each for each in good if each.thin)._replace(secret="whsec_other"),
    ]
    found = client([*good, ahead, *bad], [])["verify"]
    assert found[: len(good)] == expected
    assert found[len(good)] == expected[0]  # dated ahead: they look at its age alone, and so do we
    assert all("error" in each for each in found[len(good) + 1 :]), found


def test_what_official_clients_sign_is_taken_and_nothing_else(
    client: Client, opened: Callable[..., Webhooks], post: Post, shop: Shop
) -> None:
    """A snapshot and a thin event; of either secret; dated ahead; not another's, not changed, not too old."""
    now = int(time.time())
    snapshot = json.dumps(
        {"id": "evt_1", "object": "event", "type": "invoice.paid", "created": now, "data": {"object": {"name": "é✓"}}},
        ensure_ascii=False,
    ).encode()
    thin = (
        b'{"id": "evt_2", "object": "v2.core.event", "type": "%b", "created": "2026-01-01T00:00:00Z"}' % THIN.encode()
    )
    ahead = snapshot.replace(b"evt_1", b"evt_3")
    good = [ToSign(snapshot, SECRET, now), ToSign(thin, "whsec_new", now - 200), ToSign(ahead, SECRET, now + 3600)]
    bad = [ToSign(snapshot, "whsec_other", now), ToSign(thin, SECRET, now - 400)]
    headers = client([], good + bad)["sign"]
    hooks = opened("on('*', function(event) new_product():name(event.id):create() end)", secret=[SECRET, "whsec_new"])
    for each, header in zip(good, headers, strict=False):
        assert post(hooks, each.body, {"Stripe-Signature": header}).json() == {"received": True}
    for each, header in zip(bad, headers[len(good) :], strict=True):
        assert post(hooks, each.body, {"Stripe-Signature": header}).status_code == 400
    assert post(hooks, snapshot + b" ", {"Stripe-Signature": headers[0]}).status_code == 400
    shop.wait(3)
    assert sorted(shop.names()) == ["evt_1", "evt_2", "evt_3"]
