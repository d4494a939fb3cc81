"""What the simulated API refuses, in Stripe's words and statuses."""

from __future__ import annotations

import base64

import pytest


def found(api, params: str, path: str = "/v1/products") -> tuple:
    status, error = api.error("POST", path, params)
    assert error["type"] == "invalid_request_error"
    return status, error.get("code"), error.get("param"), error["message"]


def test_parameters_that_are_unknown_missing_mistyped_or_out_of_range(api) -> None:
    """Parameters that are unknown, missing, mistyped or out of range are refused."""
    assert found(api, "nme=x") == (
        400,
        "parameter_unknown",
        "nme",
        "Received unknown parameter: nme. Did you mean name?",
    )
    assert found(api, "name=x&qqqq=1&zzzz=2")[3] == "Received unknown parameters: qqqq, zzzz"
    assert found(api, "") == (400, "parameter_missing", "name", "Missing required param: name.")
    assert found(api, "name=x&active=maybe")[2:] == ("active", "Invalid boolean: maybe")
    assert found(api, "name=") == (
        400,
        "parameter_invalid_empty",
        "name",
        "You passed an empty string for 'name'. We assume empty values are an attempt to unset a parameter; "
        "however 'name' cannot be unset. You should remove 'name' from your request or supply a non-empty "
        "value.",
    )
    assert found(api, "name[a]=x")[3] == "Invalid string"
    assert found(api, "name=x&images=y")[3] == "Invalid array"
    assert found(api, "name=x&package_dimensions=y")[3] == "Invalid object"


def test_nested_parameters_are_named_by_their_path(api) -> None:
    """Nested parameters are named by their path."""
    product = api.post("/v1/products", "name=x")["id"]
    start = f"product={product}&currency=usd&unit_amount=1"
    assert found(api, f"{start}&recurring[interval]=moon", "/v1/prices") == (
        400,
        None,
        "recurring[interval]",
        "Invalid recurring[interval]: must be one of day, month, week, or year",
    )
    assert found(api, f"{start}&recurring[intervall]=day", "/v1/prices")[2:] == (
        "recurring[intervall]",
        "Received unknown parameter: recurring[intervall]. Did you mean recurring[interval]?",
    )
    assert found(api, f"{start}&recurring[interval_count]=1", "/v1/prices")[2] == "recurring[interval]"
    assert found(api, f"product={product}&currency=usd&unit_amount=29.99", "/v1/prices") == (
        400,
        "parameter_invalid_integer",
        "unit_amount",
        "Invalid integer: 29.99",
    )
    assert found(api, f"product={product}&currency=xxx&unit_amount=1", "/v1/prices")[3].startswith(
        "Invalid currency: xxx."
    )
    assert found(api, "percent_off=much", "/v1/coupons")[3] == "Invalid decimal: much"


def test_unknown_ids_in_the_path_are_404_and_in_parameters_400(api, price) -> None:
    """Unknown ids in the path are 404 and in parameters 400."""
    status, error = api.error("GET", "/v1/products/prod_x")
    assert (status, error["message"], error["param"]) == (404, "No such product: 'prod_x'", "id")
    assert api.error("POST", "/v1/payment_intents/pi_x/confirm")[0] == 404
    assert found(api, f"customer=cus_x&items[0][price]={price}", "/v1/subscriptions") == (
        400,
        "resource_missing",
        "customer",
        "No such customer: 'cus_x'",
    )
    customer = api.post("/v1/customers")["id"]
    assert found(api, f"customer={customer}&items[0][price]=price_x", "/v1/subscriptions")[2:] == (
        "items[0][price]",
        "No such price: 'price_x'",
    )
    coupon = f"customer={customer}&items[0][price]={price}&discounts[0][coupon]=NO"
    assert found(api, coupon, "/v1/subscriptions")[2:] == ("discounts[0][coupon]", "No such coupon: 'NO'")
    assert found(api, "amount=100&currency=usd&payment_method=pm_no", "/v1/payment_intents")[3] == (
        "No such PaymentMethod: 'pm_no'"
    )


def test_a_climate_order_names_a_climate_product_not_a_product(make) -> None:
    """A climate order names a climate product, not a product."""
    assert (
        make(lenient=True).post("/v1/climate/orders", "product=climsku_1&amount=100&currency=usd")["product"]
        == "climsku_1"
    )


def test_items_of_a_list_are_no_members_of_a_map(api) -> None:
    """``metadata[]=x`` gives a list where a map belongs, and no key is made of its place."""
    for sent in ("metadata[]=x", "metadata[][a]=x", "metadata[a]=x&metadata[]=y"):
        assert found(api, f"name=x&{sent}")[0::3] == (400, "Invalid object"), sent
    assert api.error("POST", "/v1/customers", "address[]=x")[1]["message"] == "Invalid object"
    assert api.error("POST", "/v1/customers", "[]=x")[1]["code"] == "parameter_unknown"
    assert api.post("/v1/customers", "metadata[0]=x")["metadata"] == {"0": "x"}
    assert api.post("/v1/customers", "preferred_locales[]=de&preferred_locales[]=en")["preferred_locales"] == [
        "de",
        "en",
    ]


def test_metadata_is_bounded(api) -> None:
    """So many keys, so long at most, with values so long."""
    many = "&".join(f"metadata[k{n}]=v" for n in range(51))
    assert "50 keys" in found(api, f"name=x&{many}")[3]
    assert "500 characters" in found(api, f"name=x&metadata[k]={'v' * 501}")[3]
    assert "40 characters" in found(api, f"name=x&metadata[{'k' * 41}]=v")[3]


def test_an_unknown_url_and_method(api) -> None:
    """Either is a 404 with a link to the request's log."""
    status, error = api.error("GET", "/v1/x?y=1")
    assert error.pop("request_log_url").startswith("https://dashboard.stripe.com/test/logs/req_")
    assert (status, error) == (
        404,
        {
            "message": "Unrecognized request URL (GET: /v1/x). Please see https://stripe.com/docs or we can help at "
            "https://support.stripe.com/.",
            "type": "invalid_request_error",
        },
    )
    assert api.error("PATCH", "/v1/products")[0] == 404


def test_a_publishable_key_is_told_from_a_wrong_one(api) -> None:
    """A publishable key is refused with ``secret_key_required``, and the message does not repeat it.

    https://docs.stripe.com/error-codes#secret-key-required
    """
    status, error = api.error("GET", "/v1/products", Authorization="Bearer pk_test_abcdefgh1234")
    assert (status, error["code"]) == (401, "secret_key_required")
    assert "pk_test_abcdefgh1234" not in error["message"]


def test_a_test_clock_that_is_not_there_is_refused(api) -> None:
    """Customers and quotes cannot be created with a test clock that does not exist."""
    for path in ("/v1/customers", "/v1/quotes"):
        status, error = api.error("POST", path, "test_clock=clock_none")
        assert (status, error["code"], error["param"]) == (400, "resource_missing", "test_clock")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic !!", "Token abc"])
def test_without_a_key_it_says_how_to_give_one(api, header) -> None:
    """Without a key it says how to give one."""
    status, error = api.error("GET", "/v1/products", Authorization=header)
    assert status == 401
    assert "API key" in error["message"] or "API Key" in error["message"]


def test_malformed_and_live_keys_are_refused_and_masked(api) -> None:
    """Malformed and live keys are refused and masked."""
    for key in ("sk_live_abcdefgh12345678", "hello", "xk_test_abcdefgh12345678"):
        status, error = api.error("GET", "/v1/products", Authorization=f"Bearer {key}")
        assert status == 401
        assert error["message"].startswith("Invalid API Key provided: ")
        assert "abcdefgh" not in error["message"]
    assert error["message"] == "Invalid API Key provided: ***5678"


def test_bearer_and_basic_both_carry_the_key(api) -> None:
    """Bearer and basic both carry the key."""
    basic = base64.b64encode(b"rk_test_abc:").decode()
    assert api.ask("GET", "/v1/products", Authorization=f"Basic {basic}")[0] == 200
    assert api.ask("GET", "/v1/products", Authorization="Bearer rk_test_abc")[0] == 200


def test_with_a_key_of_its_own_it_accepts_that_one_only(make) -> None:
    """With a key of its own it accepts that one only."""
    api = make(key="sk_test_mine")
    assert api.ask("GET", "/v1/products", Authorization="Bearer sk_test_mine")[0] == 200
    assert api.error("GET", "/v1/products")[0] == 401


def test_every_answer_has_a_request_id_and_the_version(api, stripe) -> None:
    """Every answer has a request id and the version."""
    seen = set()
    for target in ("/v1/products", "/v1/nothing", "/v1/products/x"):
        api.ask("GET", target)
        seen.add(api.headers["request-id"])
        assert api.headers["request-id"].startswith("req_")
        assert api.headers["stripe-version"] == stripe.version
    assert len(seen) == 3
    api.ask("GET", "/v1/products", Stripe_Version="2024-06-20")
    assert api.headers["stripe-version"] == "2024-06-20"


def test_bodies_that_cannot_be_read(api) -> None:
    """Wrong JSON, another media type and too deep nesting are refused as such."""
    assert api.error("POST", "/v1/products", "{", Content_Type="application/json")[0] == 400
    assert api.error("POST", "/v1/products", "<a/>", Content_Type="text/xml")[0] == 400
    assert "nested too deeply" in found(api, "a" + "[b]" * 40 + "=1")[3]
    assert found(api, "metadata=x&metadata[a]=1&name=x")[0] == 400
    assert api.error("POST", "/v2/core/accounts", {"contact_email": 5})[1]["message"] == "Invalid string: 5"


@pytest.mark.parametrize("said", ["yesterday", "2030-01-31", "2030-01-31T12:00:00", "2030-13-31T12:00:00Z", ""])
def test_a_time_of_version_2_has_its_form(api, said) -> None:
    """https://docs.stripe.com/api/v2/billing/meter-event/create: RFC 3339, with a zone."""
    event = {"event_name": "calls", "payload": {"stripe_customer_id": "cus_1", "value": "1"}, "timestamp": said}
    status, error = api.error("POST", "/v2/billing/meter_events", event)
    assert (status, error["param"]) == (400, "timestamp")


@pytest.mark.parametrize("path", ["/v2/core/accounts", "/v2/core/events", "/v2/billing/meter_event_session"])
def test_version_2_needs_a_version(api, path: str) -> None:
    """A request to API v2 without ``Stripe-Version`` is refused: https://docs.stripe.com/api-v2-overview"""
    method = "POST" if path.endswith("session") else "GET"
    status, error = api.error(method, path, Stripe_Version="")
    assert (status, error["type"]) == (400, "invalid_request_error")
    assert "Stripe-Version header" in error["message"]
    assert api.ask(method, path)[0] == 200
    assert api.ask("GET", "/v1/customers")[0] == 200
