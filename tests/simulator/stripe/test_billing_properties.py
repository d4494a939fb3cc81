"""Whatever is done to a subscription, it does not matter in how many steps time passes, and previews are the bills."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from host.apis.catalog import Catalog
from host.simulator.simulator import Simulator
from tests.simulator.conftest import Api, Clock
from tests.simulator.stripe.conftest import Shop

HOUR = 3600
BEHAVIORS = ("create_prorations", "none", "always_invoice")
# Changes by name; a number chooses among quantities, prices, coupons and rates.
CHANGES = ("quantity", "price", "coupon", "no coupon", "tax", "extra item", "anchor", "end", "no end", "usage", "once")
Change = tuple[int, str, int, str]  # hours to wait before, what, which, proration_behavior
MOST = 45 * 24  # hours between two changes: longer than a period
HISTORY = st.lists(
    st.tuples(st.integers(0, MOST), st.sampled_from(CHANGES), st.integers(0, 3), st.sampled_from(BEHAVIORS)),
    min_size=1,
    max_size=6,
)


class Flow:
    """A subscription of a plan and of usage, changed step by step on the clock of its own shop."""

    def __init__(self, catalog: Catalog, mode: str) -> None:
        clock = Clock()
        self.shop = shop = Shop(Api(Simulator(catalog, clock=clock, seed=7)), clock)
        product = shop.api.post("/v1/products", {"name": "Plan"})["id"]
        self.prices = [shop.price(amount, product=product) for amount in (1000, 2999, 0, 333)]
        self.coupons = [
            shop.coupon(percent_off=33.3, duration="forever"),
            shop.coupon(percent_off=50, duration="once"),
            shop.coupon(amount_off=250, currency="usd", duration="repeating", duration_in_months=2),
            shop.coupon(amount_off=10_000, currency="usd", duration="forever"),
        ]
        rates = ((20, False), (19, True), (8.875, False), (7.7, True))
        self.rates = [shop.rate(percentage, inclusive=inclusive) for percentage, inclusive in rates]
        self.extra, self.fee = shop.price(777, name="Extra"), shop.price(450, "", name="Fee")
        how = {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
        meter = shop.api.post("/v1/billing/meters", how)["id"]
        calls = shop.price(3, name="Calls", recurring={"usage_type": "metered", "meter": meter})
        items = [{"price": self.prices[0], "quantity": 2}, {"price": calls}]
        self.made = shop.subscribe(items=items, billing_mode={"type": mode})

    def asked(self, what: str, which: int, behavior: str) -> dict[str, Any]:
        """The parameters of a change."""
        item, *others = self.shop.now(self.made)["items"]["data"]
        has_extra = any(other["price"]["id"] == self.extra for other in others)
        found: dict[str, dict[str, Any]] = {
            "quantity": {"items": [{"id": item["id"], "quantity": which + 1}]},
            "price": {"items": [{"id": item["id"], "price": self.prices[which]}]},
            "coupon": {"discounts": [{"coupon": self.coupons[which]}]},
            "no coupon": {"discounts": []},
            "tax": {"default_tax_rates": [self.rates[which]]},
            "extra item": {} if has_extra else {"items": [{"price": self.extra, "quantity": which + 1}]},
            "anchor": {"billing_cycle_anchor": "now"},
            "end": {"cancel_at_period_end": True},
            "no end": {"cancel_at_period_end": False},
            "once": {"add_invoice_items": [{"price": self.fee, "quantity": which + 1}]},
        }
        return {**found[what], "proration_behavior": behavior}

    def change(self, what: str, which: int, behavior: str) -> None:
        """Change the subscription, or report usage; one that has ended is left as it is."""
        shop = self.shop
        if what == "usage":
            payload = {"stripe_customer_id": shop.customer, "value": str(10 * which + 7)}
            shop.api.post("/v1/billing/meter_events", {"event_name": "calls", "payload": payload})
        elif shop.now(self.made)["status"] != "canceled":
            shop.change(self.made, **self.asked(what, which, behavior))

    def wait(self, hours: int, parts: int) -> None:
        """Let time pass in as many parts, with a request after each."""
        left = hours * HOUR
        for n in range(parts, 0, -1):
            self.shop.wait(left // n)
            left -= left // n
            self.shop.now(self.made)

    def bills(self) -> list[Any]:
        """All that was billed: invoices with their lines, and the balance that is left."""
        return [*(facts(invoice) for invoice in self.shop.invoices()), self.shop.balance()]


def facts(invoice: dict[str, Any]) -> dict[str, Any]:
    """What an invoice says, without ids."""
    names = ("billing_reason", "period_start", "period_end", "status", "amount_paid", "created", "ending_balance")
    return {**{name: invoice[name] for name in names}, **sums(invoice)}


def sums(invoice: dict[str, Any]) -> dict[str, Any]:
    """The sums of an invoice and its lines."""
    lines = [
        {
            **{name: line[name] for name in ("amount", "description", "period", "quantity")},
            "off": [entry["amount"] for entry in line["discount_amounts"]],
            "taxes": [tax["amount"] for tax in line["taxes"]],
        }
        for line in invoice["lines"]["data"]
    ]
    return {**{name: invoice[name] for name in ("subtotal", "total", "amount_due")}, "lines": lines}


@settings(max_examples=20, deadline=None)
@given(mode=st.sampled_from(("classic", "flexible")), history=HISTORY, parts=st.integers(2, 9))
def test_steps_of_time_do_not_matter(stripe: Catalog, mode: str, history: list[Change], parts: int) -> None:
    """The same changes with time passing at once and in many steps make the same invoices.

    https://docs.stripe.com/billing/testing/test-clocks
    """
    at_once, in_steps = Flow(stripe, mode), Flow(stripe, mode)
    for hours, *change in history:
        at_once.wait(hours, 1)
        in_steps.wait(hours, parts)
        at_once.change(*change)
        in_steps.change(*change)
    at_once.wait(MOST, 1)
    in_steps.wait(MOST, parts)
    assert at_once.bills() == in_steps.bills()


PREVIEWED = ("quantity", "price", "extra item", "anchor", "coupon", "tax", "end")


@settings(max_examples=30, deadline=None)
@given(
    mode=st.sampled_from(("classic", "flexible")),
    history=HISTORY,
    hours=st.integers(0, 27 * 24),
    what=st.sampled_from(PREVIEWED),
    which=st.integers(0, 3),
    behavior=st.sampled_from(BEHAVIORS),
)
def test_a_preview_is_the_bill(
    stripe: Catalog, mode: str, history: list[Change], hours: int, what: str, which: int, behavior: str
) -> None:
    """After any history, with coupons, taxes, usage and quantities, the preview of a change is the next invoice.

    https://docs.stripe.com/api/invoices/create_preview
    """
    flow = Flow(stripe, mode)
    for before, *change in history:
        flow.wait(before, 1)
        flow.change(*change)
    flow.wait(hours, 1)
    subscription = flow.shop.now(flow.made)
    if subscription["status"] == "canceled":
        return
    asked = flow.asked(what, which, behavior)
    details = {name: value for name, value in asked.items() if name != "discounts"}
    params = {"subscription": flow.made["id"], "subscription_details": details}
    if "discounts" in asked:
        params["discounts"] = asked["discounts"]
    status, preview = flow.shop.api.ask("POST", "/v1/invoices/create_preview", params)
    known = {invoice["id"] for invoice in flow.shop.invoices()}
    flow.shop.change(flow.made, **asked)
    ends = [item["current_period_end"] for item in flow.shop.now(flow.made)["items"]["data"]]
    if not {invoice["id"] for invoice in flow.shop.invoices()} - known:
        flow.shop.wait(min(ends) - flow.shop.time)
    new = [invoice for invoice in flow.shop.invoices() if invoice["id"] not in known]
    if status == 404:  # invoice_upcoming_none
        assert new == []
        return
    assert status == 200, preview
    compared, billed = sums(preview), sums(new[0])
    if new[0]["status"] == "draft":  # whose balance is not applied yet
        del compared["amount_due"], billed["amount_due"]
    assert compared == billed
