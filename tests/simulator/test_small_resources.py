"""Links, secrets, tax ids, tax calculations and identity: what is computed for them, and what is refused."""

from __future__ import annotations

import pytest


def test_a_verification_waits_for_input_is_canceled_once_and_redacted(api) -> None:
    """A verification waits for input, is canceled once, and redacted."""
    session = api.post("/v1/identity/verification_sessions", "type=document&return_url=https://example.com")
    assert session["status"] == "requires_input"
    assert session["url"].startswith("https://")
    assert session["client_secret"].startswith(session["id"])
    path = f"/v1/identity/verification_sessions/{session['id']}"
    assert api.post(f"{path}/cancel")["status"] == "canceled"
    assert api.error("POST", f"{path}/cancel")[1]["code"] == "verification_session_unexpected_state"
    assert api.post(f"{path}/redact")["redaction"] == {"status": "redacted"}


def test_secrets_are_new_each_time_and_expire(api) -> None:
    """Secrets are new each time and expire."""
    customer = api.post("/v1/customers")["id"]
    session = api.post("/v1/customer_sessions", f"customer={customer}&components[buy_button][enabled]=true")
    assert session["client_secret"].startswith("cuss_secret_")
    assert session["expires_at"] > session["created"]
    tokens = {api.post("/v1/terminal/connection_tokens")["secret"] for _ in range(2)}
    assert len(tokens) == 2
    assert all(token.startswith("pst_test_") for token in tokens)
    assert api.error("POST", "/v1/ephemeral_keys", "issuing_card=ic_1")[0] in (400, 501)


@pytest.mark.parametrize(
    ("type", "value", "country"),
    [("eu_vat", "DE123456789", "DE"), ("eu_vat", "EL123456789", "GR"), ("gb_vat", "GB123456789", "GB")],
)
def test_a_tax_id_has_its_country(api, type, value, country) -> None:
    """The country follows from the type, or from the value where a type has several."""
    customer = api.post("/v1/customers")["id"]
    assert api.post(f"/v1/customers/{customer}/tax_ids", f"type={type}&value={value}")["country"] == country


@pytest.mark.parametrize("value", ["nope", "DE1", "US123456789", "de123456789"])
def test_a_tax_id_of_another_form_is_refused(api, value) -> None:
    """A tax id of another form is refused."""
    status, error = api.error("POST", "/v1/tax_ids", f"type=eu_vat&value={value}")
    assert (status, error["code"], error["param"]) == (400, "tax_id_invalid", "value")


LINES = "currency=usd&line_items[0][amount]=1000&line_items[0][reference]=L1&customer_details[address][country]="


def test_taxes_are_nothing_where_no_registration_is_and_else_refused(api) -> None:
    """Rates are not modelled: with a registration for the country the sum would be made up."""
    made = api.post("/v1/tax/calculations", LINES + "DE")
    assert (made["amount_total"], made["tax_amount_exclusive"]) == (1000, 0)
    assert made["tax_breakdown"][0]["taxability_reason"] == "not_collecting"
    lines = api.get(f"/v1/tax/calculations/{made['id']}/line_items")["data"]
    assert [line["reference"] for line in lines] == ["L1"]
    api.post("/v1/tax/registrations", "country=DE&active_from=now&country_options[de][type]=oss_union")
    status, error = api.error("POST", "/v1/tax/calculations", LINES + "DE")
    assert (status, error["code"]) == (501, "not_simulated")
    assert "DE" in error["message"]
    assert api.post("/v1/tax/calculations", LINES + "FR")["tax_amount_exclusive"] == 0


def test_an_endpoint_is_switched_off_and_on_and_tells_its_secret_once(api) -> None:
    """An endpoint is switched off and on, and shows its secret once."""
    made = api.post("/v1/webhook_endpoints", "url=https://example.com&enabled_events[0]=*")
    path = f"/v1/webhook_endpoints/{made['id']}"
    assert made["secret"].startswith("whsec_")
    assert "secret" not in api.get(path)
    assert api.post(path, "disabled=true")["status"] == "disabled"
    assert api.post(path, "disabled=false")["status"] == "enabled"


@pytest.mark.parametrize(
    ("path", "params", "code", "param"),
    [
        ("/v1/customers", "email=not an email", "email_invalid", "email"),
        ("/v1/customers", "address[country]=USA", "country_code_invalid", "address[country]"),
        ("/v1/webhook_endpoints", "url=not a url&enabled_events[0]=*", "url_invalid", "url"),
        ("/v1/coupons", "percent_off=5&redeem_by=1800000000000", "invalid_timestamp", "redeem_by"),
        ("/v1/customers", "metadata[a[b]]=x", None, "metadata"),
    ],
)
def test_wrong_forms_are_refused_with_their_code(api, path, params, code, param) -> None:
    """Wrong forms are refused with their code."""
    status, error = api.error("POST", path, params)
    assert (status, error.get("code"), error["param"]) == (400, code, param)


def test_metadata_is_bounded_in_all_not_by_the_request(api) -> None:
    """Metadata is bounded in total, not per request."""
    customer = api.post("/v1/customers", "&".join(f"metadata[k{n}]=v" for n in range(50)))
    path = f"/v1/customers/{customer['id']}"
    assert "50 keys" in api.error("POST", path, "metadata[k51]=v")[1]["message"]
    assert len(api.post(path, "metadata[k51]=v&metadata[k1]=")["metadata"]) == 50


@pytest.mark.parametrize("name", ["email", "phone", "description", "name"])
def test_an_empty_text_unsets_what_may_be_null(api, name) -> None:
    """An empty text unsets what may be null."""
    customer = api.post("/v1/customers", f"{name}=a@example.com")
    assert api.post(f"/v1/customers/{customer['id']}", f"{name}=")[name] is None
    product = api.post("/v1/products", "name=x")["id"]
    assert api.error("POST", f"/v1/products/{product}", "name=")[1]["code"] == "parameter_invalid_empty"


@pytest.mark.parametrize("query", ["foo:'x'", "email~'je'", "email:'x' AND foo:'y'"])
def test_searches_by_unknown_fields_or_short_parts_are_refused(api, query) -> None:
    """Searches by unknown fields or short parts are refused."""
    assert api.error("GET", f"/v1/customers/search?query={query.replace(' ', '+')}")[1]["param"] == "query"


def test_a_customer_is_made_with_tax_ids(api) -> None:
    """https://docs.stripe.com/api/customers/create#create_customer-tax_id_data; a wrong one makes no customer."""
    ids = "tax_id_data[0][type]=eu_vat&tax_id_data[0][value]=DE000000000&tax_id_data[1][type]=gb_vat"
    made = api.post("/v1/customers", f"{ids}&tax_id_data[1][value]=GB123456789")["id"]
    found = api.get(f"/v1/customers/{made}?expand[]=tax_ids")["tax_ids"]["data"]
    assert {(each["type"], each["value"], each["customer"]) for each in found} == {
        ("eu_vat", "DE000000000", made),
        ("gb_vat", "GB123456789", made),
    }
    status, error = api.error("POST", "/v1/customers", f"{ids}&tax_id_data[1][value]=GB1")
    assert (status, error["code"], error["param"]) == (400, "tax_id_invalid", "tax_id_data[1][value]")
    assert api.ids("/v1/customers") == [made]


def test_a_link_is_of_a_file_and_has_an_address(api) -> None:
    """A link is of a file and has an address. https://docs.stripe.com/api/file_links"""
    status, error = api.error("POST", "/v1/file_links", "file=file_none")
    assert (status, error["param"]) == (400, "file")
    part = b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\ndispute_evidence\r\n'
    part += b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n\r\nx\r\n--b--\r\n'
    kind = "multipart/form-data; boundary=b"
    file = api.post("/v1/files", part.decode(), Content_Type=kind)["id"]
    link = api.post("/v1/file_links", f"file={file}")
    assert (link["file"], link["expired"]) == (file, False)
    assert link["url"].startswith("https://files.stripe.com/links/")
    assert api.get(f"/v1/file_links/{link['id']}?expand[]=file")["file"]["filename"] == "a.png"


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ('"a;b.png"', "a;b.png"),
        ('"a \\"b\\".png"', 'a "b".png'),
        ('"x=1; y.png"; other=1', "x=1; y.png"),
        ("plain.png", "plain.png"),
        ('""', ""),
    ],
)
def test_a_file_has_the_name_that_was_sent(api, sent, name) -> None:
    """Quoted names may contain semicolons and escaped quotes, as RFC 6266 has them."""
    part = '--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\ndispute_evidence\r\n'
    part += f'--b\r\ncontent-disposition: form-data; name="file"; filename={sent}\r\n\r\nx\r\n--b--\r\n'
    assert api.post("/v1/files", part, Content_Type="multipart/form-data; boundary=b")["filename"] == name


def test_the_default_price_of_a_product_is_not_archived(api) -> None:
    """https://docs.stripe.com/products-prices/manage-prices: another becomes the default first."""
    data = "default_price_data[currency]=usd&default_price_data[unit_amount]=500"
    product = api.post("/v1/products", f"name=Shirt&{data}")
    path = f"/v1/prices/{product['default_price']}"
    assert "default price" in api.error("POST", path, "active=false")[1]["message"]
    other = api.post("/v1/prices", f"product={product['id']}&currency=usd&unit_amount=700")["id"]
    api.post(f"/v1/products/{product['id']}", f"default_price={other}")
    assert api.post(path, "active=false")["active"] is False
