"""Subscriptions that began earlier, and parts of periods.

The sums are by hand, as https://docs.stripe.com/billing/subscriptions/backdating says.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.simulator.stripe.conftest import DAY, amounts


def at(month: int, day: int, year: int = 2027) -> int:
    """That day, at the hour of the shop's clock (08:00 UTC)."""
    return int(datetime(year, month, day, 8, tzinfo=UTC).timestamp())


# (today, start, anchor, billing mode, amounts of the lines) for 31.00 a month.
TABLE = [
    # The page's: from 1 September to 1 November is two months.
    ((10, 15), (9, 1), (11, 1), "classic", [6200]),
    # The page's: 15 February to 1 March is half of an imagined month of 28 days; then the month from today.
    ((3, 1), (2, 15), None, "classic", [1550, 3100]),
    # The page's: 15 January to 1 February is 17/31 of one.
    ((2, 1), (1, 15), None, "classic", [1700, 3100]),
    # Flexible billing has the periods one by one, and the anchor at the start.
    ((4, 10), (3, 1), None, "flexible", [3100, 3100]),
    ((10, 15), (9, 16), (11, 1), "flexible", [1550, 3100]),  # 15 of the 30 days of September
]


@pytest.fixture
def on_day(shop):
    """Have it be a day of 2027 for a customer."""

    def moved(day: tuple[int, int]) -> None:
        shop.wait(at(*day) - shop.time)

    return moved


@pytest.mark.parametrize(("today", "start", "anchor", "mode", "lines"), TABLE)
def test_the_time_before_is_billed_at_once(shop, on_day, today, start, anchor, mode, lines) -> None:
    """The subscription says when it began; its next invoice comes at its anchor, of a whole period."""
    on_day(today)
    params = {"backdate_start_date": at(*start), "billing_mode": {"type": mode}}
    if anchor:
        params["billing_cycle_anchor"] = at(*anchor)
    made = shop.subscribe(shop.price(3100), **params)
    invoice = made["latest_invoice"]
    assert (amounts(invoice), invoice["status"]) == (lines, "paid")
    assert (made["start_date"], made["created"]) == (at(*start), shop.time)
    periods = [line["period"] for line in invoice["lines"]["data"]]
    end = made["items"]["data"][0]["current_period_end"]
    assert (periods[0]["start"], periods[-1]["end"]) == (at(*start), end)
    if mode == "flexible":
        assert made["items"]["data"][0]["current_period_start"] == periods[-1]["start"]
    assert made["billing_cycle_anchor"] == (at(*anchor) if anchor else shop.time if mode == "classic" else at(*start))
    shop.wait(end - shop.time)
    assert amounts(shop.now(made)["latest_invoice"]) == [3100]


@pytest.mark.parametrize(("anchor", "lines"), [(None, [3100]), ((11, 1), None)])
def test_without_prorations_the_time_before_is_free(shop, on_day, anchor, lines) -> None:
    """A backdated subscription without prorations bills no time before today, and nothing yet if it has an anchor.

    https://docs.stripe.com/billing/subscriptions/backdating#backdating-without-charging-users
    """
    on_day((10, 15))
    params = {"backdate_start_date": at(9, 1), "proration_behavior": "none"}
    if anchor:
        params["billing_cycle_anchor"] = at(*anchor)
    made = shop.subscribe(shop.price(3100), **params)
    assert made["start_date"] == at(9, 1)
    assert (amounts(made["latest_invoice"]) if made["latest_invoice"] else None) == lines


def test_a_start_that_is_still_to_come_is_refused(shop) -> None:
    """And what would be billed for the past by rules that are not modelled."""
    params = {"customer": shop.customer, "items": [{"price": shop.price()}]}
    status, error = shop.api.error("POST", "/v1/subscriptions", {**params, "backdate_start_date": shop.time + DAY})
    assert (status, error["param"]) == (400, "backdate_start_date")
    ages = {"backdate_start_date": 86400, "billing_mode": {"type": "flexible"}}
    assert shop.api.error("POST", "/v1/subscriptions", {**params, **ages})[1]["param"] == "backdate_start_date"
    other = {"backdate_start_date": shop.time - DAY, "trial_period_days": 3}
    assert shop.api.error("POST", "/v1/subscriptions", {**params, **other})[0] == 501


def test_a_change_in_a_first_part_of_a_period_is_prorated_by_the_whole(shop) -> None:
    """31.00 a month, from an anchor 16 days ahead; 10 days later 6 of 31 days are left: 6.00 back, 12.00 asked for.

    https://docs.stripe.com/billing/subscriptions/prorations
    """
    product = shop.api.post("/v1/products", {"name": "Plan"})["id"]
    made = shop.subscribe(shop.price(3100, product=product), billing_cycle_anchor=shop.time + 16 * DAY)
    assert amounts(made["latest_invoice"]) == [1600]
    shop.wait(10 * DAY)
    items = [{"id": made["items"]["data"][0]["id"], "price": shop.price(6200, product=product)}]
    after = shop.change(made, items=items, proration_behavior="always_invoice")
    assert amounts(after["latest_invoice"]) == [-600, 1200]
