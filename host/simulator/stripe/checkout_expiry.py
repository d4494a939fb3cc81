"""Checkout Sessions that expire, and the pages that recover them.

https://docs.stripe.com/payments/checkout/abandoned-carts
"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.checkout import KIND, RECOVERABLE, open_session
from host.simulator.stripe.hosted import address
from host.simulator.stripe.periods import DAY

LIFE = 30 * DAY  # seconds that the page for recovering a session is open


def expire_session(call: RequestContext) -> Object:
    """Expire an open session."""
    session = call.subject()
    if session["status"] != "open":
        raise call.refuse(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a '
            f"status of {session['status']}."
        )
    return _expire(call, {**session, "expires_at": call.now})


def expire_due(call: RequestContext, id: str) -> None:
    """Expire a session whose time has come, unless it is completed."""
    session = call.find(KIND, id)
    if session is not None and session["status"] == "open":
        _expire(call, session)


def _expire(call: RequestContext, session: Object) -> Object:
    session.update(status="expired", url=None)
    recovery = (session.get("after_expiration") or {}).get("recovery") or {}
    if recovery.get("enabled"):
        recovery.update(expires_at=call.now + LIFE, url=address(call, "r", session["id"]))
    return call.save(KIND, session)


def recover(call: RequestContext, expired: Object) -> Object | None:
    """A new session with the parameters of an expired one, or ``None`` if that cannot be recovered."""
    recovery = (expired.get("after_expiration") or {}).get("recovery") or {}
    if expired["status"] != "expired" or not recovery.get("url") or recovery["expires_at"] <= call.now:
        return None
    asked = dict((call.backend.store.get(RECOVERABLE, expired["id"]) or {})["params"])
    if recovery.get("allow_promotion_codes") and not asked.get("discounts"):
        asked["allow_promotion_codes"] = True
    inner = call.asking("POST", "/v1/checkout/sessions", asked)
    own = {name: value for name, value in asked.items() if name not in ("line_items", "shipping_options", "discounts")}
    session = inner.put(resources.fresh(inner), own)
    session["recovered_from"] = expired["id"]
    return open_session(inner, asked, session)


BEHAVIOURS = {"checkout.sessions.expire": expire_session}
DUE = {"expire_session": expire_due}
