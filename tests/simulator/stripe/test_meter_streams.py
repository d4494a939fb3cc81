"""Usage by API v2: events, their cancellation, and streams of them.

https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api,
https://docs.stripe.com/api/v2/billing/meter-event-stream
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from host.simulator.members import iso_time
from host.simulator.stripe.meter_streams import ERRORS, MOST_EVENTS, NO_METER, SESSION_LIFE
from host.simulator.stripe.periods import DAY
from tests.simulator.conftest import KEY, Api, Clock
from tests.simulator.test_official_client import InProcess

stripe_client = pytest.importorskip("stripe", reason="the official client is not installed")

STREAM = "/v2/billing/meter_event_stream"


class Usage:
    """A meter that adds up calls, and a customer who makes them."""

    def __init__(self, api: Api) -> None:
        self.api = api
        form = "display_name=Calls&event_name=calls&default_aggregation[formula]=sum"
        self.meter = api.post("/v1/billing/meters", form)["id"]
        self.customer = api.post("/v1/customers", "")["id"]

    def event(self, value: str = "1", **more: Any) -> dict[str, Any]:
        """An event of the customer's."""
        return {"event_name": "calls", "payload": {"stripe_customer_id": self.customer, "value": value}, **more}

    def total(self, now: float) -> int:
        """What v1 says that the meter counted today and yesterday."""
        end = int(now) // DAY * DAY + DAY
        times = f"start_time={end - 2 * DAY}&end_time={end}"
        path = f"/v1/billing/meters/{self.meter}/event_summaries?customer={self.customer}&{times}"
        (found,) = self.api.get(path)["data"]
        return int(found["aggregated_value"])

    def stream(self, *events: dict[str, Any], token: str = "") -> tuple[int, Any]:
        """Send events in a stream, in a session of their own."""
        token = token or self.api.post("/v2/billing/meter_event_session", {})["authentication_token"]
        return self.api.ask("POST", STREAM, {"events": list(events)}, Authorization=f"Bearer {token}")


@pytest.fixture
def usage(api: Api) -> Usage:
    return Usage(api)


def test_an_event_of_v2_counts_like_one_of_v1(api: Api, usage: Usage, clock: Clock) -> None:
    """Answered in v2's times; with the identifier that it was given or got."""
    at = iso_time(int(clock.now) - 60)
    made = api.post("/v2/billing/meter_events", usage.event("3", identifier="one", timestamp=at))
    assert (made["object"], made["identifier"], made["timestamp"]) == ("v2.billing.meter_event", "one", at)
    assert made["created"] == iso_time(int(clock.now))
    assert api.post("/v2/billing/meter_events", usage.event("4"))["identifier"]
    api.post("/v1/billing/meter_events", usage.event("5"))
    assert usage.total(clock.now) == 12


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"event_name": "nobody"}, "event_name"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": "2020-01-01T00:00:00Z"}, "timestamp"),
        ({"payload": {"value": "1"}}, "payload"),
    ],
)
def test_an_event_of_v2_is_checked_at_once(api: Api, usage: Usage, change: dict[str, Any], param: str) -> None:
    """And not counted."""
    status, error = api.error("POST", "/v2/billing/meter_events", {**usage.event(), **change})
    assert (status, error["param"]) == (400, param)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_an_event_is_canceled_within_a_day_and_once(api: Api, usage: Usage, clock: Clock, version: str) -> None:
    """An identifier that is used again later is another event."""
    path = f"/{version}/billing/meter_event_adjustments"
    adjustment = {"event_name": "calls", "type": "cancel", "cancel": {"identifier": "one"}}
    api.post("/v1/billing/meter_events", usage.event("5", identifier="one"))
    done = api.post(path, adjustment)
    assert (done["status"], done["cancel"]) == ("complete", {"identifier": "one"})
    assert usage.total(clock.now) == 0
    assert api.error("POST", path, adjustment)[0] == 400
    clock.now += DAY
    api.post("/v1/billing/meter_events", usage.event("7", identifier="one"))
    assert usage.total(clock.now) == 7
    clock.now += DAY
    assert api.error("POST", path, adjustment)[0] == 400
    assert usage.total(clock.now) == 7


def test_a_stream_counts_what_it_can_and_reports_the_rest(api: Api, usage: Usage, clock: Clock) -> None:
    """By thin events: of the meter what was wrong with its events, and of no meter what nobody counts."""
    good = [usage.event("2", timestamp=iso_time(int(clock.now))), usage.event("3")]
    wrong = [usage.event("x"), usage.event(identifier="old", timestamp="2020-01-01T00:00:00Z")]
    status, answer = usage.stream(*good, *wrong, usage.event() | {"event_name": "nobody"})
    assert (status, answer) == (200, {})
    assert usage.total(clock.now) == 5
    told = {each["type"]: each for each in api.get("/v2/core/events?limit=100")["data"]}
    report = told[ERRORS]
    assert report["related_object"]["id"] == usage.meter
    codes = {each["code"]: each["error_count"] for each in report["data"]["reason"]["error_types"]}
    assert codes == {"meter_event_invalid_value": 1, "timestamp_too_far_in_past": 1}
    assert told[NO_METER]["data"]["reason"]["error_count"] == 1


def test_a_stream_takes_a_session_s_token_for_a_quarter_of_an_hour(api: Api, usage: Usage, clock: Clock) -> None:
    """And no key; a token opens nothing else."""
    token = api.post("/v2/billing/meter_event_session", {})["authentication_token"]
    assert api.ask("POST", STREAM, {"events": [usage.event()]})[0] == 401
    assert usage.stream(usage.event(), token="token_test_none")[0] == 401
    assert api.ask("GET", "/v1/customers", Authorization=f"Bearer {token}")[0] == 401
    clock.now += SESSION_LIFE - 1
    assert usage.stream(usage.event("4"), token=token)[0] == 200
    clock.now += 1
    status, answer = usage.stream(usage.event(), token=token)
    assert (status, answer["error"]["type"]) == (400, "temporary_session_expired")
    assert answer["error"]["code"] == "billing_meter_event_session_expired"
    assert usage.total(clock.now) == 4


def test_a_stream_is_of_the_account_that_opened_the_session(api: Api, usage: Usage) -> None:
    """The platform's meters do not count a connected account's events."""
    account = api.post("/v1/accounts", "type=custom&country=US")["id"]
    _, session = api.ask("POST", "/v2/billing/meter_event_session", {}, Stripe_Account=account)
    assert usage.stream(usage.event(), token=session["authentication_token"])[0] == 200
    _, told = api.ask("GET", "/v2/core/events?limit=100", Stripe_Account=account)
    assert [each["type"] for each in told["data"]] == [NO_METER]


@pytest.mark.parametrize("count", [0, MOST_EVENTS + 1])
def test_a_stream_is_of_so_many_events(usage: Usage, count: int) -> None:
    """1 to 100 in one request."""
    assert usage.stream(*[usage.event()] * count)[0] == 400


class Elsewhere(InProcess):
    """Notes which host is asked."""

    def request(self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None) -> Any:
        self.asked = url.split("/")[2]
        return super().request(method, url, headers, post_data)


def test_the_official_client_streams(api: Api, usage: Usage, clock: Clock) -> None:
    """With the session's token, to the host for streams; an expired session is the client's own error."""
    client = stripe_client.StripeClient(KEY, http_client=InProcess(api.simulator))
    session = client.v2.billing.meter_event_session.create()
    transport = Elsewhere(api.simulator)
    streaming = stripe_client.StripeClient(session.authentication_token, http_client=transport)
    streaming.v2.billing.meter_event_stream.create({"events": [usage.event("6")]})
    assert transport.asked == "meter-events.stripe.com"
    assert usage.total(clock.now) == 6
    clock.now += SESSION_LIFE
    with pytest.raises(stripe_client.TemporarySessionExpiredError):
        streaming.v2.billing.meter_event_stream.create({"events": [usage.event()]})
