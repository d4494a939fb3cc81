"""Who decides about a purchase with an issued card: the rules, or an endpoint that is asked.

https://docs.stripe.com/issuing/controls/spending-controls,
https://docs.stripe.com/issuing/controls/real-time-authorizations
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from host.simulator.delivery import Deliveries
from host.simulator.stripe.issuing_books import OPENING
from tests.simulator.conftest import Api, Clock
from tests.simulator.stripe.issuing_flows import TESTS, Wallet, reason, types

ASKED = "issuing_authorization.request"


def limits(*amounts: tuple[int, str], **more: Any) -> dict[str, Any]:
    """Spending controls with these limits."""
    found = [{"amount": amount, "interval": interval, **more} for amount, interval in amounts]
    return {"spending_controls": {"spending_limits": found}}


FOOD = {"category": "eating_places_restaurants", "country": "FR"}
CAB = {"category": "taxicabs_limousines", "country": "US"}


@pytest.mark.parametrize(
    ("rules", "merchant", "method", "allowed"),
    [
        ({"allowed_categories": ["taxicabs_limousines"]}, CAB, "chip", True),
        ({"allowed_categories": ["taxicabs_limousines"]}, FOOD, "chip", False),
        ({"blocked_categories": ["taxicabs_limousines"]}, CAB, "chip", False),
        ({"blocked_categories": ["taxicabs_limousines"]}, FOOD, "chip", True),
        ({"allowed_merchant_countries": ["US"]}, CAB, "chip", True),
        ({"allowed_merchant_countries": ["US"]}, FOOD, "chip", False),
        ({"blocked_merchant_countries": ["US"]}, CAB, "chip", False),
        ({"allowed_card_presences": ["present"]}, CAB, "chip", True),
        ({"allowed_card_presences": ["present"]}, CAB, "online", False),
        ({"blocked_card_presences": ["not_present"]}, CAB, "online", False),
    ],
)
@pytest.mark.parametrize("whose", ["card", "cardholder"])
def test_merchants_are_allowed_or_blocked(
    api: Api, wallet: Wallet, rules: Any, merchant: Any, method: str, allowed: bool, whose: str
) -> None:
    """By a card's rules, and by those of its cardholder."""
    path = f"/v1/issuing/cards/{wallet.card}" if whose == "card" else f"/v1/issuing/cardholders/{wallet.holder}"
    api.post(path, {"spending_controls": rules})
    found = reason(wallet.buy(100, merchant_data=merchant, authorization_method=method))
    assert found == ((True, "card_active") if allowed else (False, "spending_controls"))


@pytest.mark.parametrize(
    ("interval", "before", "after"),
    [
        ("daily", "2027-01-16T23:59:59", "2027-01-17T00:00:00"),
        ("weekly", "2027-01-16T23:59:59", "2027-01-17T00:00:00"),  # a Sunday
        ("monthly", "2027-01-31T23:59:59", "2027-02-01T00:00:00"),
        ("yearly", "2027-12-31T23:59:59", "2028-01-01T00:00:00"),
    ],
)
def test_a_limit_is_for_an_interval_that_begins_at_midnight(
    api: Api, clock: Clock, interval: str, before: str, after: str
) -> None:
    """UTC; what was spent in the last one counts no more."""
    clock.now = datetime.fromisoformat(before).replace(tzinfo=UTC).timestamp()
    wallet = Wallet(api, exp_year=2040, **limits((1000, interval)))
    assert [reason(wallet.buy(amount))[0] for amount in (1001, 600, 401, 400, 1)] == [False, True, False, True, False]
    clock.now = datetime.fromisoformat(after).replace(tzinfo=UTC).timestamp()
    assert [reason(wallet.buy(amount))[0] for amount in (1000, 1)] == [True, False]


def test_other_limits(api: Api, clock: Clock) -> None:
    """Of one purchase, of all there ever are, of some categories, of all cards of a cardholder."""
    wallet = Wallet(api, **limits((500, "per_authorization"), (900, "all_time")))
    assert [reason(wallet.buy(amount))[0] for amount in (501, 500, 401, 400)] == [False, True, False, True]
    clock.now += 400 * 86400
    assert reason(wallet.buy(1)) == (False, "spending_controls")
    food = Wallet(api, **limits((100, "daily"), categories=["eating_places_restaurants"]))
    assert reason(food.buy(101, merchant_data=FOOD)) == (False, "spending_controls")
    assert reason(food.buy(101, merchant_data=CAB)) == (True, "card_active")
    api.post(f"/v1/issuing/cardholders/{food.holder}", limits((200, "daily")))
    other = api.post("/v1/issuing/cards", f"cardholder={food.holder}&currency=usd&type=virtual&status=active")["id"]
    assert reason(food.buy(100, card=other)) == (False, "spending_controls")
    assert reason(food.buy(99, card=other)) == (True, "card_active")


def test_what_counts_as_spent(wallet: Wallet, api: Api) -> None:
    """What is held or captured, also without an authorization; not what was reversed, declined or expired."""
    api.post(f"/v1/issuing/cards/{wallet.card}", limits((1000, "daily")))
    wallet.then(wallet.buy(900), "reverse")
    wallet.then(wallet.buy(900), "expire")
    wallet.buy(1100)
    wallet.then(wallet.buy(900), "capture", capture_amount=300)
    wallet.transact("create_force_capture", card=wallet.card, amount=200)
    assert [reason(wallet.buy(amount))[0] for amount in (501, 500)] == [False, True]


def test_a_card_without_limits_has_one_for_a_day(api: Api) -> None:
    """500.00 a day, unless there are limits; and never more than 10,000.00 at once."""
    wallet = Wallet(api)
    assert [reason(wallet.buy(amount)) for amount in (50_001, 50_000)] == [
        (False, "spending_controls"),
        (True, "card_active"),
    ]
    free = Wallet(api, **limits((5_000_000, "daily")))
    assert reason(free.buy(1_000_001)) == (False, "spending_controls")
    assert reason(free.buy(1_000_000)) == (False, "insufficient_funds")


def test_more_than_there_is_is_declined(api: Api) -> None:
    """What is held counts as gone; an increment needs no more than its own amount."""
    wallet = Wallet(api, **limits((5_000_000, "daily")))
    purchase = wallet.buy(OPENING["usd"] - 100)
    assert reason(wallet.buy(101)) == (False, "insufficient_funds")
    assert reason(wallet.then(purchase, "increment", increment_amount=101)) == (False, "insufficient_funds")
    assert reason(wallet.then(purchase, "increment", increment_amount=100)) == (True, "card_active")
    assert (wallet.now(purchase)["amount"], wallet.money()) == (OPENING["usd"], 0)


@pytest.mark.parametrize(
    ("path", "form", "found"),
    [
        ("cards", "status=inactive", "card_inactive"),
        ("cards", "status=canceled", "card_canceled"),
        ("cardholders", "status=inactive", "cardholder_inactive"),
    ],
)
def test_cards_and_cardholders_must_be_active(api: Api, wallet: Wallet, path: str, form: str, found: str) -> None:
    """Else the purchase is declined, for the reason that says which is not."""
    api.post(f"/v1/issuing/{path}/{wallet.card if path == 'cards' else wallet.holder}", form)
    assert reason(wallet.buy(1)) == (False, found)


def test_an_expired_card_is_declined(wallet: Wallet, clock: Clock) -> None:
    """From the month after the one it is good for."""
    clock.now += 4 * 366 * 86400
    assert reason(wallet.buy(1)) == (False, "card_expired")


# -- endpoints that are asked


def ask_me(api: Api, url: str = "http://localhost:1/hook", event: str = ASKED) -> None:
    """An endpoint that wants to be asked."""
    api.post("/v1/webhook_endpoints", f"url={url}&enabled_events[]={event}")


def test_a_purchase_waits_for_the_endpoint_that_wants_to_be_asked(api: Api, wallet: Wallet) -> None:
    """Nothing is held, and it is not created yet; the decision creates it."""
    ask_me(api)
    purchase = wallet.buy(1000)
    assert (purchase["status"], purchase["approved"], purchase["amount"]) == ("pending", False, 0)
    assert (purchase["pending_request"]["amount"], purchase["request_history"]) == (1000, [])
    assert wallet.money() == OPENING["usd"]
    assert types(api)[2:] == [ASKED]
    approved = api.post(f"/v1/issuing/authorizations/{purchase['id']}/approve", "metadata[by]=me")
    assert reason(approved) == (True, "webhook_approved")
    assert (approved["amount"], approved["pending_request"], approved["metadata"]) == (1000, None, {"by": "me"})
    assert wallet.money() == OPENING["usd"] - 1000
    assert types(api)[2:] == [ASKED, "issuing_authorization.created"]
    assert api.error("POST", f"/v1/issuing/authorizations/{purchase['id']}/approve")[0] == 400
    declined = api.post(f"/v1/issuing/authorizations/{wallet.buy(5)['id']}/decline")
    assert (declined["status"], *reason(declined)) == ("closed", False, "webhook_declined")


def test_nobody_is_asked_about_what_the_rules_decline(api: Api, wallet: Wallet) -> None:
    """Nor where the endpoint names all events: this one must be named."""
    ask_me(api, event="*")
    assert reason(wallet.buy(1)) == (True, "card_active")
    ask_me(api)
    api.post(f"/v1/issuing/cards/{wallet.card}", "status=inactive")
    assert reason(wallet.buy(1)) == (False, "card_inactive")
    assert ASKED not in types(api)


def test_who_does_not_answer_in_time_declines(api: Api, wallet: Wallet) -> None:
    """After two seconds."""
    ask_me(api)
    purchase = wallet.buy(1000)
    api.simulator.advance(1)
    assert wallet.now(purchase)["pending_request"]
    api.simulator.advance(1)
    now = wallet.now(purchase)
    assert (now["status"], *reason(now)) == ("closed", False, "webhook_timeout")
    assert now["request_history"][0]["created"] - now["request_history"][0]["requested_at"] == 2


def test_another_amount_is_approved_where_it_can_be_controlled(api: Api, wallet: Wallet) -> None:
    """Only that much is held; where it cannot, another amount is refused."""
    ask_me(api)
    fixed, free = wallet.buy(1000), wallet.buy(1000, is_amount_controllable=True)
    path = "/v1/issuing/authorizations"
    assert api.error("POST", f"{path}/{fixed['id']}/approve", "amount=400")[1]["param"] == "amount"
    assert api.post(f"{path}/{free['id']}/approve", "amount=400")["amount"] == 400
    assert wallet.money() == OPENING["usd"] - 400


def test_an_increment_is_asked_about_too(api: Api, wallet: Wallet) -> None:
    """Declined, the purchase is what it was; and what was created once is updated then."""
    purchase = wallet.buy(1000)
    ask_me(api)
    assert wallet.then(purchase, "increment", increment_amount=500)["pending_request"]["amount"] == 500
    path = f"/v1/issuing/authorizations/{purchase['id']}"
    declined = api.post(f"{path}/decline")
    assert (declined["status"], declined["amount"], reason(declined)[0]) == ("pending", 1000, False)
    wallet.then(purchase, "increment", increment_amount=500)
    assert api.post(f"{path}/approve")["amount"] == 1500
    assert types(api).count("issuing_authorization.created") == 1


class Decider:
    """An endpoint on this machine that answers with ``said``."""

    def __init__(self) -> None:
        self.said: tuple[int, dict[str, str], bytes] = (200, {}, b"")
        decider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                status, headers, body = decider.said
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

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


@pytest.fixture
def decider() -> Iterator[Decider]:
    made = Decider()
    yield made
    made.close()


VERSION = {"Stripe-Version": "2026-10-28.endive", "Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("said", "found", "amount"),
    [
        ((200, VERSION, b'{"approved": true}'), (True, "webhook_approved"), 1000),
        ((200, VERSION, b'{"approved": true, "amount": 400, "metadata": {"a": 1}}'), (True, "webhook_approved"), 400),
        ((200, VERSION, b'{"approved": false}'), (False, "webhook_declined"), 1000),
        ((200, VERSION, b'{"approve": true}'), (False, "webhook_error"), 1000),
        ((200, VERSION, b'{"approved": "yes"}'), (False, "webhook_error"), 1000),
        ((200, VERSION, b"["), (False, "webhook_error"), 1000),
        ((200, {}, b'{"approved": true}'), (False, "webhook_error"), 1000),
        ((500, VERSION, b'{"approved": true}'), (False, "webhook_error"), 1000),
    ],
)
def test_an_endpoint_decides_by_its_answer(
    api: Api, wallet: Wallet, decider: Decider, said: Any, found: Any, amount: int
) -> None:
    """With 200, JSON and the version it is written in; anything else is an error, which declines."""
    decider.said = said
    with Deliveries(api.simulator) as deliveries:
        ask_me(api, decider.url)
        purchase = wallet.buy(1000, is_amount_controllable=True)
        assert deliveries.wait()
    now = wallet.now(purchase)
    assert (reason(now), now["amount"]) == (found, amount)
    assert now["metadata"] == ({"a": "1"} if amount == 400 else {})


def test_an_endpoint_of_a_connected_account_decides_about_its_cards(api: Api, decider: Decider) -> None:
    """In that account's backend alone."""
    account = api.post("/v1/accounts", "type=custom&country=US")["id"]
    decider.said = (200, VERSION, b'{"approved": true}')
    own = {"Stripe_Account": account}
    with Deliveries(api.simulator) as deliveries:
        api.post("/v1/webhook_endpoints", f"url={decider.url}&enabled_events[]={ASKED}", **own)
        holder = api.post(
            "/v1/issuing/cardholders",
            "name=A&type=individual&billing[address][line1]=1&billing[address][city]=B"
            "&billing[address][country]=US&billing[address][postal_code]=1",
            **own,
        )
        card = api.post(
            "/v1/issuing/cards", f"cardholder={holder['id']}&currency=usd&type=virtual&status=active", **own
        )
        made = api.post(f"{TESTS}/authorizations", f"card={card['id']}&amount=100", **own)
        assert deliveries.wait()
    assert made["pending_request"]
    assert reason(api.ask("GET", f"/v1/issuing/authorizations/{made['id']}", **own)[1]) == (True, "webhook_approved")
