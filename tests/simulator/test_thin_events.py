"""Thin events: made of every change, listed, fetched, delivered, and read by the official client."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from host import Host
from host.serve.signatures import sign
from host.simulator.delivery import Deliveries, Target
from host.simulator.simulator import Simulator
from host.simulator.stripe import thin_events
from host.simulator.stripe.triggers import TRIGGERS
from host.simulator.trigger import perform, steps_of
from tests.simulator.conftest import KEY, Api
from tests.simulator.test_events import KNOWN, Receiver, receiver
from tests.simulator.test_official_client import InProcess

__all__ = ["receiver"]  # a fixture

V2 = "/v2/core/events"
DESTINATIONS = "/v2/core/event_destinations"


def destination(api: Api, url: str, *events: str, payload: str = "thin", **more: Any) -> dict[str, Any]:
    include = ["webhook_endpoint.signing_secret", "webhook_endpoint.url"]
    asked = {"name": "n", "type": "webhook_endpoint", "event_payload": payload, "enabled_events": list(events)}
    made: dict[str, Any] = api.post(
        DESTINATIONS, {**asked, "webhook_endpoint": {"url": url}, "include": include, **more}
    )
    return made


def test_each_change_has_a_thin_event_that_says_what_to_fetch(api: Api) -> None:
    """Of v1 beside the snapshot, which it names; of v2 alone; what was different before and after."""
    customer = api.post("/v1/customers", "name=x", Idempotency_Key="k1")
    request = api.headers["request-id"]
    api.post(f"/v1/customers/{customer['id']}", "name=y")
    account = api.post("/v2/core/accounts", {"display_name": "x"})
    api.post(f"/v2/core/accounts/{account['id']}", {"display_name": "y"})
    api.post(f"/v2/core/accounts/{account['id']}/close", {})
    closed, renamed, made, updated, created = api.get(V2)["data"]
    snapshots = {each["id"]: each["type"] for each in api.get("/v1/events")["data"]}
    assert {each["type"] for each in (closed, renamed, made)} == thin_events.OF_V2 - {
        f"v2.core.account_person.{end}" for end in ("created", "updated", "deleted")
    }
    assert [snapshots[each["snapshot_event"]] for each in (created, updated)] == [
        "customer.created",
        "customer.updated",
    ]
    assert created["related_object"] == {
        "id": customer["id"],
        "type": "customer",
        "url": f"/v1/customers/{customer['id']}",
    }
    assert created["reason"] == {"type": "request", "request": {"id": request, "idempotency_key": "k1"}}
    assert (created["changes"], updated["changes"]) == (None, {"before": {"name": "x"}, "after": {"name": "y"}})
    assert renamed["changes"] == {"before": {"display_name": "x"}, "after": {"display_name": "y"}}
    assert api.get(f"{V2}/{closed['id']}") == closed
    assert "event" not in Counter(kind.rpartition(".")[2] for kind, _ in api.simulator.ledger())


def test_thin_events_are_listed_by_type_object_and_time_over_pages(api: Api, clock: Any) -> None:
    """And the next page keeps what was asked for."""
    first = api.post("/v1/customers", "name=x")["id"]
    clock.now += 100
    for name in "abc":
        api.post("/v1/products", f"name={name}")
    api.post(f"/v1/customers/{first}", "name=y")
    assert {each["type"] for each in api.get(V2, object_id=first)["data"]} == {
        "v1.customer.created",
        "v1.customer.updated",
    }
    page = api.get(V2, **{"types[0]": "v1.product.created", "limit": "2"})
    rest = api.get(page["next_page_url"])
    assert [each["type"] for each in page["data"] + rest["data"]] == ["v1.product.created"] * 3
    assert rest["next_page_url"] is None
    late = api.get(V2, **{"created[gte]": "2027-01-15T08:01:40.000Z"})["data"]
    assert len(late) == 4


def test_the_names_are_those_of_the_official_client() -> None:
    """Each snapshot event has a thin one where the client has one, and each that it makes is the client's."""
    classes = pytest.importorskip("stripe.events._event_classes", reason="the official client is not installed")
    theirs = set(classes._V2_EVENT_NOTIFICATION_CLASS_LOOKUP)
    assert {thin for name in KNOWN if (thin := thin_events.thin_name(name))} == {
        name for name in theirs if name.removeprefix("v1.") in KNOWN
    }
    assert theirs >= thin_events.OF_V2


@pytest.mark.parametrize("event", sorted(TRIGGERS))
def test_the_related_object_of_each_is_there(stripe: Any, event: str) -> None:
    """Every thin event that a trigger's requests make: its URL gives that object, unless it is deleted since."""
    api = Api(Simulator(stripe))
    perform(api.ask_as, steps_of(event))
    events = api.get(f"{V2}?limit=100")["data"]
    related = [(each["type"], each["related_object"]) for each in events if each.get("related_object")]
    gone = {told["url"] for type, told in related if type.endswith(".deleted")}
    assert related or event in ("v1.billing.meter.no_meter_found", "account.application.deauthorized")
    for _, told in related:
        if told["type"] == "discount":  # no request of the API retrieves one
            continue
        status, found = api.ask("GET", told["url"])
        assert (status, found.get("object")) == (200, told["type"]) or told["url"] in gone, (told, found)


def test_a_destination_gets_thin_notifications_that_the_official_client_reads(api: Api, receiver: Receiver) -> None:
    """Signed with its secret; the client fetches the event and its object from the simulator."""
    stripe_client = pytest.importorskip("stripe", reason="the official client is not installed")
    client = stripe_client.StripeClient(KEY, http_client=InProcess(api.simulator), max_network_retries=0)
    with Deliveries(api.simulator) as deliveries:
        made = destination(api, receiver.url, "v1.customer.created", "v2.core.account.*")
        api.post("/v1/products", "name=x")
        customer = api.post("/v1/customers", "name=x")["id"]
        account = api.post("/v2/core/accounts", {"display_name": "x"})["id"]
        assert deliveries.wait()
    assert sorted(receiver.types()) == ["v1.customer.created", "v2.core.account.created"]
    for headers, body in receiver.got:
        secret = made["webhook_endpoint"]["signing_secret"]
        told = client.parse_event_notification(body, headers["stripe-signature"], secret)
        assert set(json.loads(body)) <= set(thin_events._DELIVERED)
        assert told.fetch_event().id == told.id
        assert told.fetch_related_object().id in (customer, account)
        with pytest.raises(stripe_client.SignatureVerificationError):
            client.parse_event_notification(body + b" ", headers["stripe-signature"], secret)


def test_thin_events_of_a_connected_account_say_in_whose_context_to_fetch(api: Api, receiver: Receiver) -> None:
    """The official client then asks for that account's; destinations take others' events where they say so."""
    stripe_client = pytest.importorskip("stripe", reason="the official client is not installed")
    client = stripe_client.StripeClient(KEY, http_client=InProcess(api.simulator), max_network_retries=0)
    account = api.post("/v1/accounts", "type=custom&country=US")["id"]
    with Deliveries(api.simulator) as deliveries:
        made = destination(api, receiver.url, "v1.customer.created", events_from=["other_accounts"])
        api.post("/v1/customers", "name=own")
        api.post("/v1/customers", "name=theirs", Stripe_Account=account)
        assert deliveries.wait()
    ((headers, body),) = receiver.got
    told = client.parse_event_notification(
        body, headers["stripe-signature"], made["webhook_endpoint"]["signing_secret"]
    )
    assert str(told.context) == account
    assert told.fetch_event().id == told.id
    assert told.fetch_related_object().name == "theirs"


def test_destinations_are_switched_off_and_on_pinged_and_forgotten(api: Api, receiver: Receiver) -> None:
    """Snapshots go to a destination of snapshots; the URL and the secret are told where they are asked for."""
    with Deliveries(api.simulator) as deliveries:
        made = destination(api, receiver.url, "product.created", payload="snapshot")
        path = f"{DESTINATIONS}/{made['id']}"
        assert api.get(path)["webhook_endpoint"] == {"signing_secret": None, "url": None}
        assert api.get(DESTINATIONS)["data"] == [api.get(path)]
        api.post("/v1/products", "name=x")
        assert deliveries.wait()
        assert api.post(f"{path}/disable", {})["status_details"] == {"disabled": {"reason": "user"}}
        api.post("/v1/products", "name=x")
        assert api.post(f"{path}/enable", {})["status"] == "enabled"
        api.post(path, {"enabled_events": ["customer.created"]})
        api.post("/v1/products", "name=x")
        assert api.post(f"{path}/ping", {})["type"] == "v2.core.event_destination.ping"
        assert deliveries.wait()
        api.delete(path)
        api.post("/v1/customers", "name=x")
        assert deliveries.wait()
    assert receiver.types() == ["product.created", "v2.core.event_destination.ping"]
    assert json.loads(receiver.got[0][1])["object"] == "event"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"enabled_events": ["customer.created"]}, "no event of a thin payload"),
        ({"event_payload": "snapshot"}, "no event of a snapshot payload"),
        ({"webhook_endpoint": None}, "needs its url"),
        ({"snapshot_api_version": "2026-10-28.endive"}, "for snapshot payloads"),
    ],
)
def test_a_destination_that_cannot_be_is_refused(api: Api, changed: dict[str, Any], message: str) -> None:
    """Each mistake by its parameter."""
    asked = {
        "name": "n", "type": "webhook_endpoint", "event_payload": "thin", "enabled_events": ["v1.customer.created"],
        "webhook_endpoint": {"url": "http://localhost:1/x"}, **changed,
    }  # fmt: skip
    asked = {name: value for name, value in asked.items() if value is not None}
    assert message in api.error("POST", DESTINATIONS, asked)[1]["message"]


def test_a_target_gets_thin_events_where_they_are_named(api: Api, receiver: Receiver) -> None:
    """``--forward-to`` with ``--events v1.*``; a ``*`` alone is of snapshots."""
    with Deliveries(api.simulator, [Target(receiver.url, ("whsec_a",), ("v1.customer.*", "product.created"))]) as sent:
        api.post("/v1/customers", "name=x")
        api.post("/v1/products", "name=x")
        assert sent.wait()
    assert sorted(receiver.types()) == ["product.created", "v1.customer.created"]


def test_a_script_is_given_the_whole_event_of_a_thin_one(api: Api) -> None:
    """``construct_event`` fetches it."""
    api.post("/v1/customers", "name=x")
    (thin,) = api.get(V2)["data"]
    payload = json.dumps(thin_events.notification(thin))
    code = """
      local payload, signature = args[1], args[2]
      local event = stripe.webhooks.construct_event(payload, signature, "whsec_a", math.huge)
      return event.snapshot_event, stripe.request("GET", event.related_object.url).name
    """
    with Host(simulator=api.simulator) as host:
        result = host.run_source(code, args=[payload, sign(payload.encode(), ["whsec_a"], 1)])
    result.raise_for_error()
    assert [result.value, *result.values[1:]] == [thin["snapshot_event"], "x"]
