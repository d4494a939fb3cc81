"""The login page of a portal. https://docs.stripe.com/customer-management/activate-no-code-customer-portal"""

from __future__ import annotations

from tests.simulator.stripe.conftest import Shop
from tests.simulator.stripe.test_checkout import visit

PATH = "/v1/billing_portal/configurations"


def login_page(shop: Shop) -> tuple[str, str]:
    """A configuration with a login page, and its address."""
    features = {"subscription_cancel": {"enabled": True}}
    made = shop.api.post(PATH, {"features": features, "login_page": {"enabled": True}})
    assert made["login_page"]["enabled"] is True
    return made["id"], made["login_page"]["url"]


def test_a_customer_logs_in_with_an_email_address(shop: Shop) -> None:
    """The page asks for it, and leads to the portal of its configuration; an unknown address leads nowhere."""
    id, url = login_page(shop)
    shop.customer = shop.payer(email="jenny@example.com")
    made = shop.subscribe(shop.price(1000))
    assert 'name="email"' in visit(shop, url)[2]
    status, headers, _ = visit(shop, url, {"email": "jenny@example.com"})
    assert status == 303
    assert made["id"] in visit(shop, headers["location"])[2]
    (event,) = shop.api.get("/v1/events", type="billing_portal.session.created")["data"]
    assert (event["data"]["object"]["configuration"], event["data"]["object"]["customer"]) == (id, shop.customer)
    status, _, page = visit(shop, url, {"email": "<b>@example.com"})
    assert (status, "No customer" in page, "<b>" in page) == (200, True, False)


def test_of_several_customers_the_newest_who_subscribes_logs_in(shop: Shop) -> None:
    """Three have the address, and only the second a subscription."""
    _, url = login_page(shop)
    for subscribes in (False, True, False):
        shop.customer = shop.payer(email="jenny@example.com")
        if subscribes:
            made = shop.subscribe(shop.price(1000))
    location = visit(shop, url, {"email": "jenny@example.com"})[1]["location"]
    assert made["id"] in visit(shop, location)[2]


def test_a_login_page_is_switched_off_and_on(shop: Shop) -> None:
    """Off it has no address and the old one is gone; on it has another one."""
    id, url = login_page(shop)
    kept = shop.api.post(f"{PATH}/{id}", {"name": "Mine"})
    assert kept["login_page"] == {"enabled": True, "url": url}
    off = shop.api.post(f"{PATH}/{id}", {"login_page": {"enabled": False}})
    assert off["login_page"] == {"enabled": False, "url": None}
    assert visit(shop, url)[0] == 404
    again = shop.api.post(f"{PATH}/{id}", {"login_page": {"enabled": True}})["login_page"]["url"]
    assert (again != url, visit(shop, again)[0], visit(shop, url)[0]) == (True, 200, 404)
