"""Features that customers may use. https://docs.stripe.com/billing/entitlements"""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.conftest import Api
from tests.simulator.stripe.conftest import DAY, Shop

UPDATED = "entitlements.active_entitlement_summary.updated"


class Plans:
    """Products with features, and a price of each."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.features: dict[str, str] = {}

    def feature(self, key: str) -> str:
        """The id of a feature, made once."""
        if key not in self.features:
            self.features[key] = self.shop.api.post("/v1/entitlements/features", f"name={key}&lookup_key={key}")["id"]
        return self.features[key]

    def price(self, *keys: str) -> str:
        """A price of a product with these features."""
        product = self.shop.api.post("/v1/products", "name=Plan")["id"]
        for key in keys:
            self.attach(product, key)
        return self.shop.price(product=product)

    def attach(self, product: str, key: str) -> dict[str, Any]:
        """Give a product a feature."""
        found: dict[str, Any] = self.shop.api.post(
            f"/v1/products/{product}/features", f"entitlement_feature={self.feature(key)}"
        )
        return found

    def held(self) -> list[str]:
        """What the customer may use."""
        path = f"/v1/entitlements/active_entitlements?customer={self.shop.customer}"
        return sorted(each["lookup_key"] for each in self.shop.api.get(path)["data"])


@pytest.fixture
def plans(shop: Shop) -> Plans:
    return Plans(shop)


def test_entitlements_come_and_go_with_subscriptions(shop: Shop, plans: Plans) -> None:
    """A feature of two subscriptions goes with the second; each change is told, with what was before."""
    one, two = shop.subscribe(plans.price("api", "team")), shop.subscribe(plans.price("team", "sso"))
    assert plans.held() == ["api", "sso", "team"]
    shop.api.delete(f"/v1/subscriptions/{one['id']}")
    assert plans.held() == ["sso", "team"]
    shop.api.delete(f"/v1/subscriptions/{two['id']}")
    assert plans.held() == []
    told = shop.api.get("/v1/events", type=UPDATED)["data"][::-1]
    shown = [[item["lookup_key"] for item in each["data"]["object"]["entitlements"]["data"]] for each in told]
    assert [sorted(keys) for keys in shown] == [["api", "team"], ["api", "sso", "team"], ["sso", "team"], []]
    assert "previous_attributes" not in told[0]["data"]
    before = told[3]["data"]["previous_attributes"]["entitlements"]["data"]
    assert sorted(item["lookup_key"] for item in before) == ["sso", "team"]


def test_another_price_is_other_features(shop: Shop, plans: Plans) -> None:
    """What both have stays as it is."""
    made = shop.subscribe(plans.price("api", "team"))
    path = f"/v1/entitlements/active_entitlements?customer={shop.customer}"
    kept = {each["lookup_key"]: each["id"] for each in shop.api.get(path)["data"]}
    item = made["items"]["data"][0]["id"]
    shop.change(made, items=[{"id": item, "price": plans.price("team", "sso")}])
    now = {each["lookup_key"]: each["id"] for each in shop.api.get(path)["data"]}
    assert (sorted(now), now["team"]) == (["sso", "team"], kept["team"])
    assert (
        shop.api.get(f"/v1/entitlements/active_entitlements/{now['sso']}?expand[]=feature")["feature"]["name"] == "sso"
    )
    assert shop.api.error("GET", f"/v1/entitlements/active_entitlements/{kept['api']}")[0] == 404


def test_a_subscription_that_never_began_gives_nothing(shop: Shop, plans: Plans) -> None:
    """One whose payment fails is incomplete; once it is paid it does. A trial and a pause do."""
    price = plans.price("api")
    made = shop.subscribe(price, payment_behavior="default_incomplete")
    assert (made["status"], plans.held()) == ("incomplete", [])
    shop.api.post(f"/v1/invoices/{made['latest_invoice']['id']}/pay")
    assert plans.held() == ["api"]
    shop.api.delete(f"/v1/subscriptions/{made['id']}")
    bare = shop.api.post("/v1/customers", "")["id"]
    end = {"trial_settings": {"end_behavior": {"missing_payment_method": "pause"}}}
    shop.customer = bare
    trial = shop.subscribe(price, trial_period_days=1, **end)
    assert (trial["status"], plans.held()) == ("trialing", ["api"])
    shop.api.simulator.advance(DAY)
    assert (shop.now(trial)["status"], plans.held()) == ("paused", ["api"])


def test_a_new_feature_of_a_product_counts_from_the_next_renewal(shop: Shop, plans: Plans) -> None:
    """And what is taken from it until then."""
    price = plans.price("api")
    product = shop.api.get(f"/v1/prices/{price}")["product"]
    shop.subscribe(price)
    attached = plans.attach(product, "team")
    assert attached["entitlement_feature"]["lookup_key"] == "team"
    shop.api.delete(f"/v1/products/{product}/features/{shop.api.ids(f'/v1/products/{product}/features')[-1]}")
    assert plans.held() == ["api"]
    shop.api.simulator.advance(31 * DAY)
    assert plans.held() == ["team"]


def test_what_cannot_be_attached_is_refused(api: Api, plans: Plans) -> None:
    """An unknown feature, an archived one, the same twice."""
    product = api.post("/v1/products", "name=Plan")["id"]
    path = f"/v1/products/{product}/features"
    plans.attach(product, "api")
    for id in ("feat_none", plans.feature("api")):
        assert api.error("POST", path, f"entitlement_feature={id}")[1]["param"] == "entitlement_feature"
    api.post(f"/v1/entitlements/features/{plans.feature('old')}", "active=false")
    assert api.error("POST", path, f"entitlement_feature={plans.feature('old')}")[0] == 400
    assert api.error("GET", "/v1/entitlements/active_entitlements?customer=cus_none")[0] == 400
