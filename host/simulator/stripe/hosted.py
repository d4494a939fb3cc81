"""Hosted pages and their URLs, which are on the simulator's own server if it has one."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from host.simulator.context import RequestContext

_STRIPES = {
    "c/pay": "https://checkout.stripe.com",
    "p/session": "https://billing.stripe.com",
    "p/login": "https://billing.stripe.com",
    "b": "https://buy.stripe.com",
    "i": "https://invoice.stripe.com",
    "r": "https://buy.stripe.com",
}
INVOICE = "~invoice_page"  # by the last part of its URL: the invoice
LOGIN = "~login_page"  # by the last part of its URL: the configuration of the portal
PLACES = tuple(f"/{place}/" for place in _STRIPES)


def address(call: RequestContext, place: str, id: str) -> str:
    """The URL of a page: ``http://127.0.0.1:12111/c/pay/cs_test_…``."""
    return f"{call.origin or _STRIPES[place]}/{place}/{id}"


CARDS = (
    ("pm_card_visa", "Visa, which pays"),
    ("pm_card_chargeDeclined", "Visa, which is declined"),
    ("pm_card_chargeDeclinedInsufficientFunds", "Visa without sufficient funds"),
)


class Page(NamedTuple):
    """The answer to a browser: a status, and either HTML or a PDF (``file``); ``location`` is a URL to redirect to."""

    status: int
    html: str
    location: str = ""
    file: bytes = b""


def html_page(title: str, body: str) -> str:
    """A whole page; ``body`` is HTML, ``title`` is not."""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<h1>{escape(title)}</h1><p><small>Simulated: no money moves.</small></p>{body}</html>"
    )


def gone(what: str) -> Page:
    """The answer where there is no such page, or no longer."""
    return Page(404, html_page(f"No such {what}", f"<p>There is no such {what}, or it is over.</p>"))
