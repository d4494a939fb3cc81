"""Paging said by whoever adds an API: the words, where they hold, and what is wrong with others."""

from __future__ import annotations

from typing import Any

import pytest

from host.apis.catalog import Catalog
from host.apis.paging_words import FORMS, with_paging
from host.errors import UsageError
from tests.apis.documents import answers, small

ITEMS = {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}}}}
QUERY = ("mark", "skipped", "colour")


@pytest.fixture
def catalog() -> Catalog:
    """Two lists whose pages their document does not tell, and an object."""
    params = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in QUERY]
    one = {"type": "object", "properties": {"rows": ITEMS, "about": {"type": "object"}}}
    two = {"type": "object", "properties": {"red": ITEMS, "blue": ITEMS}}
    found = small(
        {
            "/rows": {"get": {"operationId": "rows.list", "parameters": params, "responses": answers(one)}},
            "/pairs": {"get": {"operationId": "pairs.list", "parameters": params[:1], "responses": answers(two)}},
            "/me": {"get": {"operationId": "me.show", "responses": answers({"type": "object"})}},
        }
    )
    assert all(found.operation(id).paging is None for id in found.operation_ids())  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("token mark about.next", {"paging": "token", "page_param": "mark", "page_next": "about.next"}),
        ("cursor mark", {"paging": "cursor", "page_param": "mark", "page_more": ""}),
        ("cursor mark about.more", {"paging": "cursor", "page_more": "about.more"}),
        ("offset skipped about.total", {"paging": "offset", "page_param": "skipped", "page_total": "about.total"}),
        ("number mark", {"paging": "number", "page_param": "mark"}),
        ("url about.next", {"paging": "url", "page_next": "about.next"}),
        ("link", {"paging": "link", "page_next": "Link"}),
        ("none", {"paging": None}),
        ("link items=about.rows", {"paging": "link", "page_items": "about.rows"}),
    ],
)
def test_words_become_paging(catalog: Catalog, words: str, told: dict[str, Any]) -> None:
    """Style, parameter and member, and where the items are if that is not the one list there is."""
    operation = with_paging(catalog, {"rows.list": words}).operation("rows.list")
    assert operation is not None
    assert {name: getattr(operation, name) for name in told} == told
    assert operation.page_items == ("about.rows" if "items=" in words else "rows" if words != "none" else "data")


def test_words_for_all_hold_where_they_fit(catalog: Catalog) -> None:
    """A list that has the parameter, and whose items are known; a pattern narrows it down."""
    paged = with_paging(catalog, "token mark next")
    styles = {id: paged.operation(id).paging for id in paged.operation_ids()}  # type: ignore[union-attr]
    assert styles == {"rows.list": "token", "pairs.list": None, "me.show": None}
    with pytest.raises(UsageError, match=r"no list called pairs.\* that 'token mark next' fits"):
        with_paging(catalog, {"pairs.*": "token mark next"})
    told = with_paging(catalog, {"pairs.*": "token mark next items=red"}).operation("pairs.list")
    assert told is not None
    assert (told.paging, told.page_items) == ("token", "red")


@pytest.mark.parametrize(
    ("paging", "said"),
    [
        ("pages mark", "'pages' is not a pagination style; expected one of token, cursor"),
        ("", "'' is not a pagination style"),
        ("token mark", "expected 'token PARAM MEMBER'"),
        ("link mark", "expected 'link'"),
        ("offset a b c", "expected 'offset PARAM \\[MEMBER\\]'"),
        ("offset nothing", "no list that 'offset nothing' fits"),
        ({"rows.lst": "link"}, "no operation 'rows.lst'; did you mean \"?rows.list"),
        ({"rows.list": "token marc next"}, "no parameter 'marc'; did you mean \"?mark"),
        ({"pairs.list": "token mark next"}, "which list .*pairs.list gives is not known; add items=MEMBER"),
        ({"rows.list": 5}, "rows.list"),
        (5, "paging"),
    ],
)
def test_what_does_not_fit_is_named(catalog: Catalog, paging: Any, said: str) -> None:
    """With what there is."""
    with pytest.raises(UsageError, match=said):
        with_paging(catalog, paging)


def test_every_style_has_its_form() -> None:
    """The styles of paging and the words that say them are one list, but for Stripe's search."""
    from host.apis.page_styles import STYLES

    assert {*FORMS} - {"none"} == {*STYLES} - {"search"}
