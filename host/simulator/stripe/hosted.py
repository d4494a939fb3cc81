"""Addresses of pages that Stripe hosts: on the simulator's own server where there is one."""

from __future__ import annotations

from host.simulator.context import RequestContext

_STRIPES = {
    "c/pay": "https://checkout.stripe.com",
    "p/session": "https://billing.stripe.com",
    "b": "https://buy.stripe.com",
    "r": "https://buy.stripe.com",
}
PLACES = tuple(f"/{place}/" for place in _STRIPES)


def address(call: RequestContext, place: str, id: str) -> str:
    """Where the page of ``id`` is: ``http://127.0.0.1:12111/c/pay/cs_test_…``."""
    return f"{call.origin or _STRIPES[place]}/{place}/{id}"
