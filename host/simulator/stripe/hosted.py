"""Pages that Stripe hosts, and their addresses: on the simulator's own server where there is one."""

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
INVOICE = "~invoice_page"  # by the last part of its address: the invoice
LOGIN = "~login_page"  # by the last part of its address: the configuration of the portal
PLACES = tuple(f"/{place}/" for place in _STRIPES)


def address(call: RequestContext, place: str, id: str) -> str:
    """Where the page of ``id`` is: ``http://127.0.0.1:12111/c/pay/cs_test_…``."""
    return f"{call.origin or _STRIPES[place]}/{place}/{id}"


CARDS = (
    ("pm_card_visa", "Visa, which pays"),
    ("pm_card_chargeDeclined", "Visa, which is declined"),
    ("pm_card_chargeDeclinedInsufficientFunds", "Visa without sufficient funds"),
)


class Page(NamedTuple):
    """What is answered: a status, HTML or else a PDF, and where the browser goes next, if elsewhere."""

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
    """The answer where nothing is, or is no more."""
    return Page(404, html_page(f"No such {what}", f"<p>There is no such {what}, or it is over.</p>"))
