"""Taxes that are calculated, and the sales that are made of them. https://docs.stripe.com/tax/custom"""

from __future__ import annotations

from typing import Any

import pytest

from host.simulator.stripe.tax_calculations import VALID
from host.simulator.stripe.vat import STANDARD
from tests.simulator.conftest import Api, Clock

CALCULATIONS = "/v1/tax/calculations"
TRANSACTIONS = "/v1/tax/transactions"


def place(country: str = "DE", **more: Any) -> dict[str, Any]:
    """A customer at an address."""
    return {"address": {"country": country, "postal_code": "10115", **more}, "address_source": "billing"}


def calculate(api: Api, *lines: dict[str, Any], country: str = "DE", **more: Any) -> dict[str, Any]:
    """A calculation in EUR."""
    found = [{"reference": f"L{n}", "tax_code": "txcd_99999999", **line} for n, line in enumerate(lines)]
    params = {"currency": "eur", "customer_details": place(country), "line_items": found, **more}
    made: dict[str, Any] = api.post(CALCULATIONS, {**params, "expand": ["line_items"]})
    return made


def register(api: Api, country: str = "DE") -> None:
    """Taxes are collected in a country."""
    options = {country.lower(): {"type": "standard"}}
    api.post("/v1/tax/registrations", {"country": country, "active_from": "now", "country_options": options})


# Amount, whether tax is in it, country, and the tax by hand: amount * rate / 100, or amount * rate / (100 + rate), to
# the nearest cent. Rates: https://taxation-customs.ec.europa.eu/taxation/vat/vat-directive/vat-rates_en, https://www.gov.uk/vat-rates
SUMS = [
    (1000, "exclusive", "DE", 190),
    (1000, "inclusive", "DE", 160),  # 159.66
    (1190, "inclusive", "DE", 190),
    (999, "exclusive", "FR", 200),  # 199.8
    (1999, "exclusive", "FI", 510),  # 25.5 %: 509.745
    (1999, "inclusive", "HU", 425),  # 27 %: 424.98
    (1000, "exclusive", "GB", 200),
    (50, "exclusive", "LU", 9),  # 17 %: 8.5, halves up
]


@pytest.mark.parametrize(("amount", "behaviour", "country", "tax"), SUMS)
def test_the_standard_rate_is_added_or_in_the_amount(
    api: Api, amount: int, behaviour: str, country: str, tax: int
) -> None:
    """Where the account is registered; elsewhere nothing is due."""
    line = {"amount": amount, "tax_behavior": behaviour}
    assert calculate(api, line, country=country)["tax_breakdown"][0]["taxability_reason"] == "not_collecting"
    register(api, country)
    made = calculate(api, line, country=country)
    inside = behaviour == "inclusive"
    assert (made["tax_amount_exclusive"], made["tax_amount_inclusive"]) == ((0, tax) if inside else (tax, 0))
    assert made["amount_total"] == amount + (0 if inside else tax)
    (breakdown,) = made["tax_breakdown"]
    assert (breakdown["amount"], breakdown["inclusive"]) == (tax, inside)
    assert breakdown["taxable_amount"] == amount - (tax if inside else 0)
    details = breakdown["tax_rate_details"]
    assert (details["country"], details["tax_type"], details["rate_type"]) == (country, "vat", "percentage")
    assert float(details["percentage_decimal"]) == float(STANDARD[country])
    assert made["line_items"]["data"][0]["amount_tax"] == tax


def test_lines_are_rounded_one_by_one_and_shipping_is_taxed(api: Api) -> None:
    """Three times 0.33 at 19 % is 0.06 each, and not 0.19; 5.00 of shipping 0.95."""
    register(api)
    line = {"amount": 33, "tax_behavior": "exclusive"}
    made = calculate(api, line, line, line, shipping_cost={"amount": 500})
    assert made["tax_amount_exclusive"] == 3 * 6 + 95
    assert (made["shipping_cost"]["amount_tax"], made["amount_total"]) == (95, 99 + 500 + 18 + 95)


def test_settings_say_what_a_line_does_not(api: Api) -> None:
    """Tax code and behaviour; ``inferred_by_currency`` is exclusive in USD and CAD alone."""
    found = api.get("/v1/tax/settings")
    assert (found["status"], found["status_details"]["pending"]) == ("pending", {"missing_fields": ["head_office"]})
    office = {"address": {"country": "DE", "city": "Berlin"}}
    defaults = {"tax_code": "txcd_20030000", "tax_behavior": "inferred_by_currency"}
    found = api.post("/v1/tax/settings", {"head_office": office, "defaults": defaults})
    assert (found["status"], found["defaults"]["tax_code"]) == ("active", "txcd_20030000")
    assert api.get("/v1/tax/settings") == found
    register(api)
    params = {"customer_details": place(), "line_items": [{"amount": 1190}], "expand": ["line_items"]}
    for currency, tax in (("eur", (0, 190)), ("usd", (226, 0))):
        made = api.post(CALCULATIONS, {**params, "currency": currency})
        assert (made["tax_amount_exclusive"], made["tax_amount_inclusive"]) == tax
        assert made["line_items"]["data"][0]["tax_code"] == "txcd_20030000"


@pytest.mark.parametrize(
    "change",
    [
        {"customer_details": {**place(), "tax_ids": [{"type": "eu_vat", "value": "DE123456789"}]}},
        {"customer_details": {**place(), "taxability_override": "reverse_charge"}},
        {"customer_details": place(postal_code="27498")},
        {"customer_details": place(postal_code="")},
        {"line_items": [{"amount": 1, "reference": "L1", "tax_code": "txcd_35010000"}]},
        {"ship_from_details": {"address": {"country": "FR"}}},
    ],
)
def test_taxes_that_need_more_than_a_rate_are_refused(api: Api, change: dict[str, Any]) -> None:
    """Businesses, exempt places, goods with rates of their own, and what is sent from elsewhere."""
    register(api)
    params = {"currency": "eur", "customer_details": place(), "line_items": [{"amount": 1, "reference": "L1"}]}
    assert api.error("POST", CALCULATIONS, {**params, **change})[0] == 501


def test_countries_with_other_taxes_are_refused(api: Api) -> None:
    """Where the account is registered; there is no rate of a whole country."""
    api.post("/v1/tax/registrations", "country=US&active_from=now&country_options[us][type]=state_sales_tax"
             "&country_options[us][state]=CA")  # fmt: skip
    params = {"currency": "usd", "customer_details": place("US"), "line_items": [{"amount": 1, "reference": "L1"}]}
    assert api.error("POST", CALCULATIONS, params)[0] == 501


def sale(api: Api, reference: str = "order-1", **more: Any) -> dict[str, Any]:
    """A sale of two lines and shipping, taxed at 19 %."""
    register(api)
    lines = ({"amount": 1000, "tax_behavior": "exclusive"}, {"amount": 2380, "tax_behavior": "inclusive"})
    made = calculate(api, *lines, shipping_cost={"amount": 500})
    params = {"calculation": made["id"], "reference": reference, "expand": ["line_items"], **more}
    found: dict[str, Any] = api.post(f"{TRANSACTIONS}/create_from_calculation", params)
    return found


def lines_of(transaction: dict[str, Any]) -> list[tuple[int, int]]:
    """Amount and tax of each line."""
    return [(line["amount"], line["amount_tax"]) for line in transaction["line_items"]["data"]]


def test_a_sale_is_what_was_calculated(api: Api, clock: Clock) -> None:
    """With its lines; a calculation makes one, and its reference is of one."""
    made = sale(api, metadata={"a": "1"})
    assert (made["type"], made["reference"], made["posted_at"]) == ("transaction", "order-1", int(clock.now))
    assert sorted(lines_of(made)) == [(1000, 190), (2380, 380)]
    assert (made["shipping_cost"]["amount_tax"], made["metadata"]) == (95, {"a": "1"})
    assert len(api.get(f"{TRANSACTIONS}/{made['id']}/line_items")["data"]) == 2
    again = calculate(api, {"amount": 1})["id"]
    form = f"calculation={again}&reference="
    path = f"{TRANSACTIONS}/create_from_calculation"
    assert api.error("POST", path, form + "order-1")[1]["param"] == "reference"
    api.post(path, form + "order-2")
    assert api.error("POST", path, form + "order-3")[0] == 501
    late = calculate(api, {"amount": 1})["id"]
    clock.now += VALID
    assert api.error("POST", path, f"calculation={late}&reference=order-4")[1]["param"] == "calculation"


def test_a_sale_is_reversed_as_a_whole_once(api: Api) -> None:
    """All amounts as minuses, and nothing is left after that."""
    made = sale(api)
    form = f"original_transaction={made['id']}&mode=full&expand[]=line_items&reference="
    path = f"{TRANSACTIONS}/create_reversal"
    back = api.post(path, form + "refund-1")
    assert (back["type"], back["reversal"]) == ("reversal", {"original_transaction": made["id"]})
    assert sorted(lines_of(back)) == [(-2380, -380), (-1000, -190)]
    assert (back["shipping_cost"]["amount"], back["shipping_cost"]["amount_tax"]) == (-500, -95)
    assert api.error("POST", path, form + "refund-1")[1]["param"] == "reference"
    assert api.error("POST", path, form + "refund-2")[1]["param"] == "mode"
    assert api.error("POST", path, form.replace(made["id"], back["id"]) + "refund-3")[0] == 400


def test_parts_of_a_sale_are_reversed_until_nothing_is_left(api: Api) -> None:
    """Line by line, with the shipping; no more than there is, and never a plus."""
    made = sale(api)
    line = next(each for each in made["line_items"]["data"] if each["amount"] == 1000)
    path = f"{TRANSACTIONS}/create_reversal"

    def part(reference: str, amount: int, tax: int, **more: Any) -> dict[str, Any]:
        one = {"original_line_item": line["id"], "reference": "r", "amount": amount, "amount_tax": tax, "quantity": 1}
        shared = {"original_transaction": made["id"], "mode": "partial", "reference": reference}
        return {**shared, "line_items": [one], "expand": ["line_items"], **more}

    back = api.post(path, part("r1", -600, -114, shipping_cost={"amount": -100, "amount_tax": -19}))
    assert (lines_of(back), back["shipping_cost"]["amount"]) == ([(-600, -114)], -100)
    assert back["line_items"]["data"][0]["reversal"] == {"original_line_item": line["id"]}
    assert api.error("POST", path, part("r2", -401, -76))[1]["param"] == "line_items[0][amount]"
    assert api.error("POST", path, part("r2", 1, 0))[1]["param"] == "line_items[0][amount]"
    shipping = {"amount": -401, "amount_tax": 0}
    assert api.error("POST", path, part("r2", -400, -76, shipping_cost=shipping))[1]["param"] == "shipping_cost"
    assert lines_of(api.post(path, part("r2", -400, -76))) == [(-400, -76)]
    whole = f"original_transaction={made['id']}&mode=full&reference=r3"
    assert api.error("POST", path, whole)[1]["param"] == "mode"
    flat = f"original_transaction={made['id']}&mode=partial&reference=r3&flat_amount=-100"
    assert api.error("POST", path, flat)[0] == 501
