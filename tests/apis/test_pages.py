"""Pages: each style leads to the next page, and none in a circle or to another host."""

from __future__ import annotations

from typing import Any

import pytest

from host.apis.catalog import Catalog, Operation
from host.apis.pages import Shown, page_items, page_request
from host.apis.pages import next_page as following
from host.errors import UnexpectedAnswer
from tests.apis.documents import answers, small


def next_page(catalog: Catalog, operation: Operation, arguments: dict[str, Any], page: Any, **more: Any) -> Any:
    """What follows a page, of which nothing but its answer is known."""
    return following(catalog, operation, arguments, Shown(page), **more)


def of(catalog: Catalog, id: str) -> Operation:
    operation = catalog.operation(id)
    assert operation is not None
    return operation


def test_cursors_go_both_ways(stripe: Catalog) -> None:
    """The last id leads on, or the first one backwards."""
    listing = of(stripe, "products.list")
    page = {"data": [{"id": "a"}, {"id": "b"}], "has_more": True}
    assert next_page(stripe, listing, {"limit": 2}, page) == {"limit": 2, "starting_after": "b"}
    assert next_page(stripe, listing, {"ending_before": "x"}, page) == {"ending_before": "a"}
    assert next_page(stripe, listing, {}, page | {"has_more": False}) is None
    assert next_page(stripe, listing, {}, {"data": [], "has_more": True}) is None
    assert page_items(listing, page) == page["data"]


def test_a_cursor_that_does_not_move_is_an_error(stripe: Catalog) -> None:
    """A server that ignores the cursor must not make an endless loop."""
    listing = of(stripe, "products.list")
    page = {"data": [{"id": "b"}], "has_more": True}
    with pytest.raises(UnexpectedAnswer, match="starting_after=b says it comes before itself"):
        next_page(stripe, listing, {"starting_after": "b"}, page)
    with pytest.raises(UnexpectedAnswer, match="last item has no id"):
        next_page(stripe, listing, {}, {"data": [{}], "has_more": True})


def test_searches_have_tokens(stripe: Catalog) -> None:
    """Stripe's search gives the next page's token."""
    search = of(stripe, "products.search")
    page = {"data": [{"id": "a"}], "has_more": True, "next_page": "tok"}
    assert next_page(stripe, search, {"query": "q"}, page) == {"query": "q", "page": "tok"}
    assert next_page(stripe, search, {"query": "q"}, {"data": [], "has_more": False, "next_page": None}) is None


@pytest.mark.parametrize("link", ["/v2/core/accounts?page=2", "https://api.stripe.com/v2/core/accounts?page=2"])
def test_v2_pages_have_urls(stripe: Catalog, link: str) -> None:
    """Relative or absolute, the URL is asked with the headers of the first request."""
    listing = of(stripe, "v2.core.accounts.list")
    page = {"data": [], "next_page_url": link}
    url = next_page(stripe, listing, {"limit": 1}, page, base_url=stripe.base_url)
    assert url == "https://api.stripe.com/v2/core/accounts?page=2"
    request = page_request(stripe, listing, url, arguments={"limit": 1}, base_url=stripe.base_url)
    assert request.url == url
    assert request.credential == "stripe"
    assert next_page(stripe, listing, {}, {"data": [], "next_page_url": None}) is None


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.test/v2/core/accounts",
        "//evil.test/v2/core/accounts",
        "http://api.stripe.com/v2/core/accounts",
        "https://api.stripe.com:444/v2/core/accounts",
        "https://x@api.stripe.com/v2/core/accounts",
        "https://api.stripe.com/v1/charges",
        "/v2/core/accounts/../../v1/charges",
    ],
)
def test_a_page_url_cannot_lead_elsewhere(stripe: Catalog, link: str) -> None:
    """Neither another host (which would get the key) nor another operation (which may not be granted)."""
    listing = of(stripe, "v2.core.accounts.list")
    with pytest.raises(UnexpectedAnswer, match="next page's URL leads to"):
        next_page(stripe, listing, {}, {"data": [], "next_page_url": link}, base_url=stripe.base_url)
    with pytest.raises(UnexpectedAnswer, match="next page's URL leads to"):
        page_request(stripe, listing, link, arguments={}, base_url=stripe.base_url)


def listing(schema: dict[str, Any], *params: tuple[str, str]) -> tuple[Catalog, Operation]:
    described = [{"name": name, "in": "query", "schema": {"type": kind}} for name, kind in params]
    get = {"operationId": "pets.list", "parameters": described, "responses": answers(schema)}
    catalog = small({"/pets": {"get": get}})
    return catalog, of(catalog, "pets.list")


ITEMS: dict[str, Any] = {
    "type": "array",
    "items": {"type": "object", "properties": {"id": {"type": "string"}}},
}


def test_tokens_urls_and_numbers_of_other_apis() -> None:
    """The usual styles are read from parameters and answer."""
    text = {"type": "string"}
    catalog, pets = listing(
        {"type": "object", "properties": {"items": ITEMS, "nextPageToken": text}}, ("pageToken", "string")
    )
    page: Any = {"items": [{"id": "a"}], "nextPageToken": "t"}
    assert page_items(pets, page) == page["items"]
    assert next_page(catalog, pets, {}, page) == {"pageToken": "t"}
    assert next_page(catalog, pets, {"pageToken": "t"}, {"items": []}) is None

    catalog, pets = listing({"type": "object", "properties": {"results": ITEMS, "next": text}})
    page = {"results": [], "next": "https://small.test/pets?offset=20"}
    assert next_page(catalog, pets, {}, page) == "https://small.test/pets?offset=20"

    catalog, pets = listing(ITEMS, ("page", "integer"), ("per_page", "integer"))
    assert next_page(catalog, pets, {"per_page": 1}, [{"id": "a"}]) == {"per_page": 1, "page": 2}
    short = Shown([{"id": "a"}], most=2)
    assert following(catalog, pets, {"per_page": 2, "page": 3}, short) is None
    assert next_page(catalog, pets, {"page": 3}, []) is None
