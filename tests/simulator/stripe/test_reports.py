"""Reports about the balance of payments. https://docs.stripe.com/reports/report-types/balance"""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from host.simulator.stripe.report_rows import TYPES
from tests.simulator.conftest import KEY, Api, Clock

NOW = 1_800_000_000  # 2027-01-15 08:00:00 UTC
RUNS = "/v1/reporting/report_runs"
PAY = "confirm=true&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never"


@pytest.fixture
def books(api: Api, clock: Clock) -> dict[str, str]:
    """20.00 USD paid and 5.00 given back, 10.00 EUR paid, 10.00 USD paid out; an hour later."""
    customer = api.post("/v1/customers", "payment_method=pm_card_visa&email=ann@example.com&name=Ann")["id"]
    (method,) = api.ids(f"/v1/customers/{customer}/payment_methods")
    form = f"amount=2000&currency=usd&customer={customer}&payment_method={method}&metadata[order]=7&description=Shirt"
    paid = api.post("/v1/payment_intents", f"{form}&{PAY}")
    refund = api.post("/v1/refunds", f"payment_intent={paid['id']}&amount=500&metadata[why]=torn")
    euro = api.post("/v1/payment_intents", f"amount=1000&currency=eur&payment_method=pm_card_mastercard&{PAY}")
    payout = api.post("/v1/payouts", "amount=1000&currency=usd&description=Rent")
    clock.now += 3600
    found = {"customer": customer, "intent": paid["id"], "charge": paid["latest_charge"], "refund": refund["id"]}
    return {**found, "euro": euro["latest_charge"], "payout": payout["id"]}


def run(api: Api, type: str, start: int = NOW, end: int = NOW + 60, **more: Any) -> list[dict[str, str]]:
    """The rows of a report, as anybody reads them."""
    interval = {"interval_start": start, "interval_end": end}
    made = api.post(RUNS, {"report_type": type, "parameters": {**interval, **more}})
    assert (made["status"], made["result"]) == ("pending", None)
    done = api.get(f"{RUNS}/{made['id']}")
    assert (done["status"], done["result"]["purpose"]) == ("succeeded", "finance_report_run")
    path = "/v1/" + done["result"]["url"].split("/v1/")[1]
    status, headers, content = api.simulator.handle("GET", path, {"Authorization": f"Bearer {KEY}"})
    assert (status, headers["content-type"], len(content)) == (200, "text/csv", done["result"]["size"])
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_the_balance_is_what_it_was_and_what_came_and_went(api: Api, books: dict[str, str]) -> None:
    """By hand: 20.00 less 0.88 and 5.00 is 14.12, 10.00 less 0.59 is 9.41; 1,000.00 at the start.

    The page above, "Balance summary"; fees: https://stripe.com/pricing, 2.9 % and 0.30.
    """
    rows = run(api, "balance.summary.1")
    assert [tuple(row.values()) for row in rows] == [
        ("starting_balance", "Starting balance (2027-01-15)", "0.00", "eur"),
        ("activity", "Activity", "9.41", "eur"),
        ("payouts", "Total payouts", "0.00", "eur"),
        ("ending_balance", "Ending balance (2027-01-15)", "9.41", "eur"),
        ("starting_balance", "Starting balance (2027-01-15)", "1000.00", "usd"),
        ("activity", "Activity", "14.12", "usd"),
        ("payouts", "Total payouts", "-10.00", "usd"),
        ("ending_balance", "Ending balance (2027-01-15)", "1004.12", "usd"),
    ]
    later = run(api, "balance.summary.1", NOW + 60, NOW + 3600, currency="usd")
    assert [row["net_amount"] for row in later] == ["1004.12", "0.00", "0.00", "1004.12"]
    earlier = run(api, "balance.summary.1", 0, NOW, currency="usd")
    assert [row["net_amount"] for row in earlier] == ["1000.00", "0.00", "0.00", "1000.00"]
    total = sum(part["amount"] for name in ("available", "pending") for part in api.get("/v1/balance")[name])
    assert total == 100_412 + 941


def test_activity_by_category(api: Api, books: dict[str, str]) -> None:
    """How many, gross, fee and net; payouts are a report of their own. The same page, "summary"."""
    rows = [tuple(row.values()) for row in run(api, "balance_change_from_activity.summary.1")]
    assert rows == [
        ("charge", "eur", "1", "10.00", "0.59", "9.41"),
        ("charge", "usd", "1", "20.00", "0.88", "19.12"),
        ("refund", "usd", "1", "-5.00", "0.00", "-5.00"),
    ]
    rows = [tuple(row.values()) for row in run(api, "payouts.summary.1")]
    assert rows == [("payout", "usd", "1", "-10.00", "0.00", "-10.00")]


def test_each_transaction_with_what_it_is_about(api: Api, books: dict[str, str]) -> None:
    """Oldest first; a refund has the customer, payment and card of its charge."""
    columns = (
        "source_id",
        "created",
        "created_utc",
        "gross",
        "net",
        "customer_facing_amount",
        "customer_email",
        "charge_id",
        "payment_intent_id",
        "card_brand",
        "payment_metadata[order]",
        "refund_metadata[why]",
    )
    more = {"columns": list(columns), "timezone": "Europe/Berlin"}
    rows = run(api, "balance_change_from_activity.itemized.3", **more)
    assert [tuple(row) for row in rows] == [columns] * 3
    local, utc = "2027-01-15 09:00:00", "2027-01-15 08:00:00"
    ann = ("ann@example.com", books["charge"], books["intent"], "visa", "7")
    assert tuple(rows[0].values()) == (books["charge"], local, utc, "20.00", "19.12", "20.00", *ann, "")
    assert tuple(rows[1].values()) == (books["refund"], local, utc, "-5.00", "-5.00", "5.00", *ann, "torn")
    assert (rows[2]["source_id"], rows[2]["card_brand"], rows[2]["customer_email"]) == (books["euro"], "mastercard", "")
    only = run(api, "balance_change_from_activity.itemized.3", reporting_category="refund")
    assert [row["description"] for row in only] == ["REFUND FOR CHARGE (Shirt)"]
    assert [row["currency"] for row in run(api, "balance_change_from_activity.itemized.3", currency="eur")] == ["eur"]


def test_payouts_one_by_one(api: Api, books: dict[str, str]) -> None:
    """With their state."""
    (row,) = run(api, "payouts.itemized.3", columns=[*TYPES["payouts.itemized.3"].columns])
    assert (row["payout_id"], row["gross"], row["payout_status"]) == (books["payout"], "-10.00", "pending")
    assert (row["effective_at"], row["payout_reversed_at"]) == ("2027-01-15 08:00:00", "")
    assert row["payout_description"] == "Rent"


@pytest.mark.parametrize("type", TYPES)
def test_every_report_computes_all_of_its_columns(api: Api, books: dict[str, str], type: str) -> None:
    """In the order that was asked for; without a wish it has its defaults, which its type tells."""
    columns = [*TYPES[type].columns][::-1]
    assert {tuple(row) for row in run(api, type, columns=columns)} == {tuple(columns)}
    shown = api.get(f"/v1/reporting/report_types/{type}")
    assert [*run(api, type)[0]] == shown["default_columns"]
    assert shown in api.get("/v1/reporting/report_types")["data"]


def test_money_of_cards_is_in_none(api: Api) -> None:
    """The issuing balance is another."""
    holder = "name=A&type=individual&billing[address][line1]=1&billing[address][city]=B&billing[address][country]=US"
    id = api.post("/v1/issuing/cardholders", f"{holder}&billing[address][postal_code]=1")["id"]
    card = api.post("/v1/issuing/cards", f"cardholder={id}&currency=usd&type=virtual")["id"]
    api.post("/v1/test_helpers/issuing/transactions/create_force_capture", f"card={card}&amount=100")
    api.simulator.advance(60)
    assert [row["net_amount"] for row in run(api, "balance.summary.1")] == ["1000.00", "0.00", "0.00", "1000.00"]


INTERVAL = f"parameters[interval_start]={NOW - 60}&parameters[interval_end]={NOW}"
SUMMARY = "report_type=balance.summary.1"


@pytest.mark.parametrize(
    ("form", "status", "param"),
    [
        ("report_type=tax.transactions.itemized.2", 501, "report_type"),
        (SUMMARY, 400, "parameters[interval_start]"),
        (f"{SUMMARY}&parameters[interval_start]={NOW}", 400, "parameters[interval_end]"),
        (f"{SUMMARY}&{INTERVAL.replace(str(NOW), str(NOW + 1))}", 400, "parameters[interval_start]"),
        (f"{SUMMARY}&{INTERVAL}&parameters[connected_account]=acct_1", 400, "parameters[connected_account]"),
        (f"{SUMMARY}&{INTERVAL}&parameters[reporting_category]=charge", 400, "parameters[reporting_category]"),
        (f"{SUMMARY}&{INTERVAL}&parameters[columns][]=fee", 501, "parameters[columns]"),
        (f"{SUMMARY}&{INTERVAL}&parameters[columns][]=payment_metadata[a]", 501, "parameters[columns]"),
    ],
)
def test_what_is_no_report_here_is_refused(api: Api, form: str, status: int, param: str) -> None:
    """By the name of what is wrong; nothing is made."""
    found, error = api.error("POST", RUNS, form)
    assert (found, error["param"]) == (status, param)
    assert api.ids(RUNS) == []
    assert api.error("GET", "/v1/reporting/report_types/tax.transactions.itemized.2")[0] == 501
    assert api.error("GET", "/v1/reporting/report_types/none")[0] == 404


def test_a_report_that_is_there_is_told(api: Api) -> None:
    """By an event with the run and its file."""
    api.post(RUNS, f"report_type=balance.summary.1&{INTERVAL}")
    (event,) = api.get("/v1/events", type="reporting.report_run.succeeded")["data"]
    assert event["data"]["object"]["result"]["filename"].endswith(".csv")


@pytest.mark.parametrize("advanced", [False, True])
def test_a_file_is_at_the_server_that_was_asked(api: Api, advanced: bool) -> None:
    """Also where the run ends while time passes."""
    api.simulator.origin = "http://127.0.0.1:12111"
    api.post(RUNS, f"report_type=balance.summary.1&{INTERVAL}")
    if advanced:
        api.simulator.advance(60)
    (run,) = api.get(RUNS)["data"]
    assert run["result"]["url"].startswith("http://127.0.0.1:12111/v1/files/file_")
