"""Events of the simulated API: what each change is called, what it says, and how it is delivered."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from host.apis.stripe import load
from host.errors import UsageError
from host.serve.signatures import verify
from host.simulator.delivery import Deliveries, DeliveryFaults, Target
from host.simulator.simulator import Simulator
from host.simulator.store import Store
from host.simulator.stripe.event_derivation import previous_attributes
from tests.simulator.conftest import Api, Clock

KNOWN = frozenset(load().schema("event").properties["type"].enum)


def types(api: Api, **query: Any) -> list[str]:
    """The types of all events, oldest first."""
    return [each["type"] for each in reversed(api.get("/v1/events", limit=100, **query)["data"])]


def pay(api: Api, card: str, **more: str) -> tuple[int, Any]:
    form = {
        "amount": "500",
        "currency": "usd",
        "payment_method": card,
        "confirm": "true",
        "return_url": "https://x.example",
    }
    return api.ask("POST", "/v1/payment_intents", "&".join(f"{k}={v}" for k, v in {**form, **more}.items()))


def test_a_change_makes_the_api_s_events_in_their_order(api: Api) -> None:
    """Created, updated, deleted; a payment, its refund; a payment that is declined."""
    customer = api.post("/v1/customers", "name=x")["id"]
    api.post(f"/v1/customers/{customer}", "name=y")
    pay(api, "pm_card_visa")
    intent = api.get("/v1/payment_intents")["data"][0]["id"]
    api.post("/v1/refunds", f"payment_intent={intent}")
    assert pay(api, "pm_card_chargeDeclined")[0] == 402
    api.delete(f"/v1/customers/{customer}")
    found = types(api)
    assert found[:2] == ["customer.created", "customer.updated"]
    assert found[-1] == "customer.deleted"
    for name in ("payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "charge.refunded"):
        assert found.count(name) == 1 + (name == "payment_intent.created"), found
    assert found.index("refund.created") > found.index("payment_intent.succeeded")
    assert found.index("charge.failed") < found.index("payment_intent.payment_failed")
    assert set(found) <= KNOWN


def test_an_event_says_what_it_is_about_and_what_led_to_it(api: Api, clock: Clock) -> None:
    """``data.object`` as it was then, what was different before, the request and its key."""
    made = api.post("/v1/customers", "name=x&metadata[a]=1", Idempotency_Key="k1")
    request = api.headers["request-id"]
    api.post(f"/v1/customers/{made['id']}", "name=y&metadata[a]=2&metadata[b]=3")
    updated, created = api.get("/v1/events")["data"]
    assert created["data"] == {"object": made}
    assert created["request"] == {"id": request, "idempotency_key": "k1"}
    assert (created["created"], created["object"], created["livemode"]) == (int(clock.now), "event", False)
    assert updated["data"]["object"]["name"] == "y"
    assert updated["data"]["previous_attributes"] == {"name": "x", "metadata": {"a": "1", "b": None}}
    assert api.get(f"/v1/events/{created['id']}") == created


def test_what_was_refused_or_changed_nothing_is_no_event(api: Api) -> None:
    """An error, a read, the same request again with its key, an update to what it was."""
    made = api.post("/v1/products", "name=x", Idempotency_Key="k1")
    api.post("/v1/products", "name=x", Idempotency_Key="k1")
    api.ask("POST", "/v1/products", "name=")
    api.get(f"/v1/products/{made['id']}")
    assert types(api) == ["product.created"]


def test_events_are_listed_by_type_and_by_time(api: Api, clock: Clock) -> None:
    """One name, a group of names, several names, a time."""
    api.post("/v1/products", "name=x")
    clock.now += 100
    api.post("/v1/customers", "name=x")
    assert types(api, type="product.*") == ["product.created"]
    assert types(api, **{"types[]": "customer.created"}) == ["customer.created"]
    assert types(api, **{"created[gte]": int(clock.now)}) == ["customer.created"]
    status, answer = api.ask("GET", "/v1/events/evt_nowhere")
    assert (status, answer["error"]["code"]) == (404, "resource_missing")


def test_events_have_the_same_ids_whenever_they_are_asked_for(stripe: Any) -> None:
    """With a seed; and asking for them changes no other object's id."""
    found = []
    for early in (True, False):
        api = Api(Simulator(stripe, seed=1, clock=Clock()))
        api.post("/v1/products", "name=x")
        api.get("/v1/events" if early else "/v1/products")  # each request has an id of its own
        api.post("/v1/products", "name=y")
        events = api.get("/v1/events")["data"]
        found.append(([each["id"] for each in events], [each["data"]["object"]["id"] for each in events]))
    assert found[0] == found[1]


def test_events_outlive_the_process_where_the_store_is_a_file(stripe: Any, tmp_path: Any) -> None:
    """And they are no objects of the ledger."""
    for name in ("x", "y"):
        simulator = Simulator(stripe, store=Store(tmp_path / "s.sqlite"))
        api = Api(simulator)
        api.post("/v1/products", f"name={name}")
        assert {kind for kind, _ in simulator.ledger()} == {"product"}
        simulator.close()
    api = Api(Simulator(stripe, store=Store(tmp_path / "s.sqlite")))
    assert [each["data"]["object"]["name"] for each in api.get("/v1/events")["data"]] == ["y", "x"]
    api.simulator.close()


@pytest.mark.parametrize(
    ("old", "new", "before"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": True}, {"a": 1}),
        ({"a": 1}, {}, {"a": 1}),
        ({}, {"a": 1}, {"a": None}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 2}}),
        ({"a": [1, 2]}, {"a": [1]}, {"a": [1, 2]}),
        ({"a": None}, {"a": {"b": 1}}, {"a": None}),
    ],
)
def test_previous_attributes_are_what_was_different(old: Any, new: Any, before: Any) -> None:
    """Of objects within only the members that changed; lists as a whole."""
    assert previous_attributes(old, new) == before


# -- delivery


class Receiver:
    """An endpoint on this machine that keeps what it got; ``answers`` are the next statuses, then 200."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self._thread = threading.Thread(target=self.server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def test_what_happens_is_delivered_signed(api: Api, receiver: Receiver) -> None:
    """To a target, with the secrets that it has while one is rolled; only what it wants."""
    with Deliveries(api.simulator, [Target(receiver.url, ("whsec_a", "whsec_b"), ("customer.*",))]) as deliveries:
        api.post("/v1/products", "name=x")
        api.post("/v1/customers", "name=x")
        assert deliveries.wait()
    assert receiver.types() == ["customer.created"]
    headers, body = receiver.got[0]
    for secret in ("whsec_a", "whsec_b"):
        verify(body, headers["stripe-signature"], [secret], now=0, tolerance=float("inf"))
    assert json.loads(body) | {"pending_webhooks": 1} == json.loads(body)


def test_a_webhook_endpoint_gets_what_it_asked_for_until_it_is_switched_off(api: Api, receiver: Receiver) -> None:
    """Signed with the secret that was told when it was made, and never again."""
    with Deliveries(api.simulator) as deliveries:
        endpoint = api.post("/v1/webhook_endpoints", f"url={receiver.url}&enabled_events[]=product.created")
        api.post("/v1/products", "name=x")
        api.post("/v1/customers", "name=x")
        assert deliveries.wait()
        assert "secret" not in api.get(f"/v1/webhook_endpoints/{endpoint['id']}")
        api.post(f"/v1/webhook_endpoints/{endpoint['id']}", "disabled=true")
        api.post("/v1/products", "name=y")
        assert deliveries.wait()
    assert receiver.types() == ["product.created"]
    headers, body = receiver.got[0]
    verify(body, headers["stripe-signature"], [endpoint["secret"]], now=0, tolerance=float("inf"))


def test_events_of_connected_accounts_go_to_the_endpoints_for_them(api: Api) -> None:
    """The platform's endpoint gets the platform's, the one with ``connect`` its accounts', an account's own its own."""
    told: list[str] = []
    made = "type=custom&country=US&capabilities[transfers][requested]=true"
    one, other = (api.post("/v1/accounts", made)["id"] for _ in range(2))
    with Deliveries(api.simulator, report=told.append) as deliveries:
        for name, more in {"own": {}, "connect": {}, "one": {"Stripe_Account": one}}.items():
            # Nobody listens at port 1: an attempt is told, whatever comes of it.
            fields = f"url=http://localhost:1/{name}&enabled_events[]=*" + "&connect=true" * (name == "connect")
            api.post("/v1/webhook_endpoints", fields, **more)
        api.post("/v1/products", "name=x")
        for account in (one, other):
            api.post("/v1/customers", "name=x", Stripe_Account=account)
        api.post(f"/v1/accounts/{one}", "metadata[a]=b")
        events = api.get("/v1/events", limit=100)["data"]
        seen = {each["id"]: each.get("account", "") for each in events}
        for account in (one, other):
            _, listed = api.ask("GET", "/v1/events", Stripe_Account=account)
            seen |= {each["id"]: each["account"] for each in listed["data"]}
        assert set(seen.values()) == {"", one, other}
        pending = [
            each["pending_webhooks"] for each in events if each["type"] in ("product.created", "account.updated")
        ]
        assert pending == [2, 1]  # newest first: the account's own endpoint and the one with connect
        wanted = {("/own", ""), ("/connect", one), ("/connect", other), ("/one", one)}
        got: set[tuple[str, str]] = set()
        while len(got) < len(wanted):
            deliveries.wait(0.01)
            got = {(line.split("localhost:1")[1].split()[0], seen[line.split()[1]]) for line in list(told)}
    assert got == wanted


def test_an_endpoint_elsewhere_is_left_in_peace(api: Api) -> None:
    """A simulator sends nothing away from this machine unless it is told to."""
    told: list[str] = []
    with Deliveries(api.simulator, report=told.append) as deliveries:
        api.post("/v1/webhook_endpoints", "url=https://shop.example/hook&enabled_events[]=*")
        api.post("/v1/products", "name=x")
        assert deliveries.wait()
    assert told == []


def test_what_is_not_acknowledged_comes_again(api: Api, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same event with the same id, until it is answered with 2xx."""
    monkeypatch.setattr("host.simulator.delivery.FIRST_DELAY", 0.001)
    receiver.answers = [500, 404, 301]
    told: list[str] = []
    with Deliveries(api.simulator, [Target(receiver.url, ("whsec_a",))], report=told.append) as deliveries:
        api.post("/v1/products", "name=x")
        assert deliveries.wait()
    assert [line.rpartition(" ")[2] for line in told] == ["500", "404", "301", "200"]
    assert len({json.loads(body)["id"] for _, body in receiver.got}) == 1


def test_faults_are_injected_into_deliveries(api: Api, receiver: Receiver) -> None:
    """Every one twice."""
    faults = DeliveryFaults.parse("duplicate:100%,delay:0.01s")
    with Deliveries(api.simulator, [Target(receiver.url, ("whsec_a",))], faults=faults) as deliveries:
        api.post("/v1/products", "name=x")
        assert deliveries.wait()
    assert receiver.types() == ["product.created"] * 2


def test_what_is_pending_outlives_the_process_where_the_store_is_a_file(
    stripe: Any, tmp_path: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a target and to an endpoint, attempts counted; what goes nowhere now is given up aloud."""
    monkeypatch.setattr("host.simulator.delivery.FIRST_DELAY", 0.001)
    monkeypatch.setattr("host.simulator.delivery.ATTEMPTS", 100)
    told: list[str] = []
    all_tried = threading.Event()
    receiver.answers = [500] * 1000
    names = ("product.*",)
    targets = [Target(receiver.url, ("whsec_a",), names), Target("http://localhost:1/x", ("whsec_a",), names)]

    def tell(line: str) -> None:
        told.append(line)
        if len({each.split("→")[1] for each in told}) == 2 and len(receiver.got) > 1:
            all_tried.set()

    store = Store(tmp_path / "s.sqlite")
    api = Api(Simulator(stripe, store=store))
    api.post("/v1/webhook_endpoints", f"url={receiver.url}&enabled_events[]=product.created")
    with Deliveries(api.simulator, targets, report=tell) as deliveries:
        api.post("/v1/products", "name=x")
        assert all_tried.wait(20)
        assert deliveries.lost == 0
    store.close()
    receiver.answers = []
    told.clear()
    store = Store(tmp_path / "s.sqlite")
    with Deliveries(Simulator(stripe, store=store), targets[:1], report=told.append) as deliveries:
        assert deliveries.wait()
    store.close()
    ends = sorted(line.partition("→ ")[2].partition("  ")[2] for line in told)
    assert ends == ["200", "200", "given up: nothing is delivered there now"]
    told.clear()
    store = Store(tmp_path / "s.sqlite")
    with Deliveries(Simulator(stripe, store=store), targets, report=told.append) as deliveries:
        assert deliveries.wait()
    store.close()
    assert told == []


def test_what_is_pending_in_memory_is_lost_and_counted(api: Api) -> None:
    """Nobody answers at port 1."""
    tried = threading.Event()
    with Deliveries(api.simulator, [Target("http://localhost:1/x", ("w",))], report=lambda line: tried.set()) as sent:
        api.post("/v1/products", "name=x")
        assert tried.wait(20)
        assert sent.lost == 1


@pytest.mark.parametrize(
    "text", ["twice:5%", "duplicate:5", "duplicate:101%", "delay:2", "delay:-1s", "reorder:x%", "delay:nans"]
)
def test_impossible_faults_of_deliveries_are_refused(text: str) -> None:
    """What is expected is said."""
    with pytest.raises(UsageError, match="--deliver"):
        DeliveryFaults.parse(text)


@pytest.mark.parametrize(
    ("card", "wanted"),
    [
        ("pm_card_visa", ["finalized", "paid", "payment_succeeded"]),
        ("pm_card_chargeCustomerFail", ["finalized", "payment_failed"]),
        ("pm_card_authenticationRequired", ["finalized", "payment_action_required", "payment_failed"]),
    ],
)
def test_an_invoice_tells_that_its_payment_failed_only_where_it_did(api: Api, card: str, wanted: list[str]) -> None:
    """https://docs.stripe.com/billing/subscriptions/webhooks: of a payment that worked, no failure is told."""
    customer = api.post("/v1/customers", "")["id"]
    method = api.post(f"/v1/payment_methods/{card}/attach", f"customer={customer}")["id"]
    price = api.post("/v1/prices", "currency=usd&unit_amount=500&recurring[interval]=month&product_data[name]=x")["id"]
    api.post("/v1/subscriptions", f"customer={customer}&items[0][price]={price}&default_payment_method={method}")
    told = [type for type in types(api) if type.startswith("invoice.") and type != "invoice.updated"]
    assert told == ["invoice.created", *(f"invoice.{word}" for word in wanted)]


def test_a_renewal_without_a_method_fails_after_it_is_finalized(api: Api) -> None:
    """The event shows when the next attempt will be."""
    customer = api.post("/v1/customers", "")["id"]
    price = api.post("/v1/prices", "currency=usd&unit_amount=500&recurring[interval]=month&product_data[name]=x")["id"]
    api.post("/v1/subscriptions", f"customer={customer}&items[0][price]={price}&trial_period_days=1")
    api.simulator.advance(2 * 86400)
    (failed,) = api.get("/v1/events?type=invoice.payment_failed")["data"]
    assert failed["data"]["object"]["next_payment_attempt"] > failed["created"]
    told = types(api)
    assert told.index("invoice.finalized") < told.index("invoice.payment_failed")


def test_an_invoice_that_is_paid_has_not_failed(api: Api, payer: str, price: str) -> None:
    """Nor one that is tried again with a card that works; one that is declined has, once for each attempt."""
    api.post("/v1/subscriptions", f"customer={payer}&items[0][price]={price}")
    assert types(api, type="invoice.payment_failed") == []
    api.post("/v1/invoiceitems", f"customer={payer}&amount=500&currency=usd")
    invoice = api.post("/v1/invoices", f"customer={payer}&pending_invoice_items_behavior=include")["id"]
    declined = f"/v1/invoices/{invoice}/pay"
    for attempt in (1, 2):
        assert api.ask("POST", declined, "payment_method=pm_card_chargeDeclined")[0] == 402
        assert types(api, type="invoice.payment_failed") == ["invoice.payment_failed"] * attempt
    api.post(declined)
    assert len(types(api, type="invoice.payment_failed")) == 2
    assert len(types(api, type="invoice.paid")) == 2
