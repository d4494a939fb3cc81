"""Money that customers sent. https://docs.stripe.com/payments/customer-balance"""

from __future__ import annotations

from tests.simulator.conftest import Api


def test_a_transfer_adds_to_the_balance_of_its_currency(api: Api) -> None:
    """Each leaves a transaction with the balance after it, and is told."""
    customer = api.post("/v1/customers", "")["id"]
    path = f"/v1/customers/{customer}/cash_balance"
    assert api.get(path)["available"] is None
    fund = f"/v1/test_helpers/customers/{customer}/fund_cash_balance"
    api.post(fund, "amount=1000&currency=usd")
    second = api.post(fund, "amount=500&currency=usd&reference=R1")
    assert (second["net_amount"], second["ending_balance"], second["type"]) == (500, 1500, "funded")
    assert second["funded"]["bank_transfer"] == {"reference": "R1", "type": "us_bank_transfer"}
    api.post(fund, "amount=7&currency=jpy")
    assert api.get(path)["available"] == {"usd": 1500, "jpy": 7}
    assert api.get(f"/v1/customers/{customer}?expand[]=cash_balance")["cash_balance"] == api.get(path)
    assert len(api.ids(f"{path}_transactions")) == 3
    told = [event["type"] for event in api.get("/v1/events")["data"]]
    assert told.count("cash_balance.funds_available") == 3


def test_what_has_no_bank_transfer_is_refused(api: Api) -> None:
    """A currency, an amount, a customer."""
    customer = api.post("/v1/customers", "")["id"]
    fund = f"/v1/test_helpers/customers/{customer}/fund_cash_balance"
    assert api.error("POST", fund, "amount=100&currency=chf")[1]["param"] == "currency"
    assert api.error("POST", fund, "amount=-1&currency=usd")[0] == 400
    assert api.error("POST", fund.replace(customer, "cus_none"), "amount=100&currency=usd")[0] == 404


def test_reconciliation_is_as_it_was_set(api: Api) -> None:
    """``merchant_default`` is the account's, which is automatic."""
    path = f"/v1/customers/{api.post('/v1/customers', '')['id']}/cash_balance"
    changed = api.post(path, "settings[reconciliation_mode]=manual")["settings"]
    assert changed == {"reconciliation_mode": "manual", "using_merchant_default": False}
    changed = api.post(path, "settings[reconciliation_mode]=merchant_default")["settings"]
    assert changed == {"reconciliation_mode": "automatic", "using_merchant_default": True}
