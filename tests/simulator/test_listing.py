"""Pages, filters, search and expansion."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest


@pytest.fixture
def products(api) -> list[str]:
    """Five products, newest first."""
    made = [
        api.post("/v1/products", f"name=Part {n}&active={'true' if n % 2 else 'false'}&metadata[n]={n}")["id"]
        for n in range(5)
    ]
    return made[::-1]


def test_newest_first_with_cursors_both_ways(api, products) -> None:
    """``starting_after`` and ``ending_before`` page through a list from either end."""
    first = api.get("/v1/products", limit=2)
    assert [p["id"] for p in first["data"]] == products[:2]
    assert (first["object"], first["url"], first["has_more"]) == ("list", "/v1/products", True)
    second = api.get("/v1/products", limit=2, starting_after=products[1])
    assert [p["id"] for p in second["data"]] == products[2:4]
    last = api.get("/v1/products", limit=2, starting_after=products[3])
    assert ([p["id"] for p in last["data"]], last["has_more"]) == (products[4:], False)
    back = api.get("/v1/products", limit=2, ending_before=products[4])
    assert ([p["id"] for p in back["data"]], back["has_more"]) == (products[2:4], True)


def test_a_page_has_ten_unless_told_and_at_most_a_hundred(api) -> None:
    """A page has ten by default and at most a hundred."""
    for n in range(12):
        api.post("/v1/products", f"name={n}")
    assert len(api.ids("/v1/products")) == 10
    assert len(api.ids("/v1/products?limit=100")) == 12
    assert api.error("GET", "/v1/products?limit=101")[1]["param"] == "limit"
    assert api.error("GET", "/v1/products?limit=0")[1]["param"] == "limit"
    assert api.error("GET", "/v1/products?limit=ten")[1]["message"] == "Invalid integer: ten"
    assert api.error("GET", "/v1/products?starting_after=prod_x")[1]["message"] == "No such product: 'prod_x'"
    assert api.error("GET", "/v1/products?starting_after=a&ending_before=b")[1]["code"] == "parameters_exclusive"


def test_filters(api, products, clock) -> None:
    """Lists are narrowed by flags, ids, times and what their objects belong to."""
    assert api.ids("/v1/products?active=true") == [products[1], products[3]]
    assert api.ids(f"/v1/products?ids[0]={products[0]}&ids[1]={products[4]}") == [products[0], products[4]]
    clock.now += 100
    late = api.post("/v1/products", "name=late")["id"]
    assert api.ids("/v1/products?created[gte]=1800000100") == [late]
    assert api.ids("/v1/products?created[lt]=1800000100") == products
    price = api.post("/v1/prices", f"product={late}&currency=eur&unit_amount=1&lookup_key=k")["id"]
    other = api.post("/v1/prices", f"product={products[0]}&currency=usd&unit_amount=1&recurring[interval]=day")["id"]
    assert api.ids(f"/v1/prices?product={late}") == api.ids("/v1/prices?lookup_keys[0]=k") == [price]
    assert api.ids("/v1/prices?recurring[interval]=day") == api.ids("/v1/prices?type=recurring") == [other]


def test_search(api, products) -> None:
    """Stripe's query language: fields, metadata, ``AND``, ``OR``, negation, parts of words."""

    def search(query: str) -> list[str]:
        return [p["id"] for p in api.get("/v1/products/search", query=query)["data"]]

    assert search("name:'Part 3'") == [products[1]]
    assert search("active:'true' AND metadata['n']:'1'") == [products[3]]
    assert search("name:'Part 0' OR name:'Part 1'") == [products[3], products[4]]
    assert search("-active:'true' name~'Part'") == [products[0], products[2], products[4]]
    assert search("-name:'x' AND description:null") == products
    assert api.error("GET", "/v1/products/search?query=name")[1]["param"] == "query"
    assert api.error("GET", "/v1/products/search")[1]["code"] == "parameter_missing"


def test_search_pages(api, products) -> None:
    """Pages of a search follow each other by ``next_page``."""
    first = api.get("/v1/products/search", query="name~'Part'", limit=3)
    assert (first["object"], first["has_more"]) == ("search_result", True)
    second = api.get("/v1/products/search", query="name~'Part'", limit=3, page=first["next_page"])
    assert [p["id"] for p in first["data"] + second["data"]] == products
    assert (second["has_more"], second["next_page"]) == (False, None)


def test_version_2_pages_by_url(api) -> None:
    """Following ``next_page_url`` brings every object once."""
    made = [api.post("/v2/core/accounts", {"contact_email": f"{n}@b.c"})["id"] for n in range(5)]
    seen, url = [], "/v2/core/accounts?limit=2"
    while url:
        page = api.get(url)
        seen += [account["id"] for account in page["data"]]
        url = page["next_page_url"]
    assert seen == made[::-1]


def test_expansion_of_ids_lists_and_nested_paths(api, price, payer) -> None:
    """Ids, lists and nested paths are expanded."""
    subscription = api.post(
        "/v1/subscriptions",
        f"customer={payer}&items[0][price]={price}&expand[]=customer&expand[]=latest_invoice.customer",
    )
    assert subscription["customer"]["email"] == "a@example.com"
    assert subscription["latest_invoice"]["customer"]["id"] == payer
    (listed,) = api.get("/v1/prices?expand[]=data.product")["data"]
    assert listed["product"]["name"] == "Plan"
    plain = api.get(f"/v1/subscriptions/{subscription['id']}")
    assert plain["customer"] == payer
    status, error = api.error("GET", f"/v1/prices/{price}?expand[]=currency")
    assert (status, error["message"]) == (400, "This property cannot be expanded (currency).")


def test_a_search_counts_what_it_finds_where_that_is_expanded(api) -> None:
    """On every page, of all pages: https://docs.stripe.com/search#include-total-count"""
    for n in range(5):
        api.post("/v1/customers", f"email=u{n}@example.com&name=Jo{n}")
    path = "/v1/customers/search?query=email~'example'&limit=2"
    first = api.get(f"{path}&expand[]=total_count")
    assert (first["total_count"], len(first["data"]), first["has_more"]) == (5, 2, True)
    assert api.get(f"{path}&expand[]=total_count&page={first['next_page']}")["total_count"] == 5
    assert "total_count" not in api.get(path)


def test_words_that_join_clauses_have_no_case(api) -> None:
    """``and`` and ``or`` join clauses of a search in lower and in upper case; a space means ``and``.

    https://docs.stripe.com/search#search-query-language
    """
    api.post("/v1/customers", "email=a@example.com&name=Jo")
    for join, found in ((" and ", 0), (" AND ", 0), (" or ", 1), (" OR ", 1), (" ", 0)):
        query = f"email:'a@example.com'{join}name:'Al'".replace(" ", "%20")
        assert len(api.get(f"/v1/customers/search?query={query}")["data"]) == found


def test_invoices_are_searched_by_their_subscription(api, price, payer) -> None:
    """Though it stands elsewhere in them: https://docs.stripe.com/search#query-fields-for-invoices"""
    made = api.post("/v1/subscriptions", f"customer={payer}&items[0][price]={price}")
    query = f"/v1/invoices/search?query=subscription:'{made['id']}'"
    assert [each["id"] for each in api.get(query)["data"]] == [made["latest_invoice"]]


@pytest.mark.parametrize(
    "query",
    ["email:x", "email>'a'", "created>'x'", "created~'180'", "created:soon", "name:'a' AND created<later"],
)
def test_a_search_compares_what_a_field_can_be(api, query: str) -> None:
    """Text is quoted and not compared by size, and numbers are compared with numbers.

    https://docs.stripe.com/search#search-query-language
    """
    assert api.error("GET", "/v1/customers/search?" + urlencode({"query": query}))[1]["param"] == "query"


@pytest.mark.parametrize("query", ["created>1", "created>'1'", "email:null", "-name:'x'", 'name~"abc"'])
def test_a_search_takes_what_a_field_can_be(api, query: str) -> None:
    """Numbers may be quoted, and any field may be null."""
    assert api.get("/v1/customers/search?" + urlencode({"query": query}))["data"] == []


def test_events_are_asked_for_by_type_or_by_types(api) -> None:
    """Not by both. https://docs.stripe.com/api/events/list#list_events-types"""
    status, error = api.error("GET", "/v1/events?type=a.b&types[]=c.d")
    assert (status, error["code"]) == (400, "parameters_exclusive")
