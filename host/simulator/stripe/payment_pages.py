"""The endpoints that hosted pages use for a Checkout Session, which the API's document does not have, and sessions
whose payment takes days. :mod:`host.simulator.stripe.checkout_completion` carries the requests out.
"""

from __future__ import annotations

from host.apis.catalog import Operation, Param, Schema
from host.simulator.context import Object, RequestContext
from host.simulator.routes import RoutePlan

KIND = "checkout.session"
_TEXT, _NUMBER = Schema(type="string"), Schema(type="integer")
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def _object(**members: Schema) -> Schema:
    return Schema(type="object", properties=members)


_CONFIRM = {
    "code": _TEXT,
    "consent": _object(promotions=Schema(type="string", enum=("opt_in", "opt_out"))),
    "custom_fields": Schema(type="object", additional=_TEXT),
    "line_items": Schema(type="array", items=_object(id=_TEXT, quantity=_NUMBER)),
    "optional_items": Schema(type="array", items=_object(price=_TEXT, quantity=_NUMBER)),
    "phone": _TEXT,
    "unit_amount": _NUMBER,
    "shipping": _object(name=_TEXT, address=_object(**dict.fromkeys(_ADDRESS, _TEXT))),
    "payment_method": _TEXT,
    "expected_amount": Schema(type="integer"),
    "email": _TEXT,
    "name": _TEXT,
    "promotion_code": _TEXT,
    "shipping_rate": _TEXT,
    "expand": Schema(type="array", items=_TEXT),
}


def _plan(method: str, ending: str, members: dict[str, Schema]) -> RoutePlan:
    params = {"session": Param("session", "path", _TEXT, required=True)}
    params |= {name: Param(name, "body", schema) for name, schema in members.items()}
    shape = Schema(ref=KIND)
    action = "act" if ending else "retrieve"
    operation = Operation(
        id=f"payment_pages.{'confirm' if ending else 'retrieve'}",
        method=method,
        path=f"/v1/payment_pages/{{session}}{ending}",
        params=params,
        body="form" if ending else None,
        result=shape,
    )
    return RoutePlan(operation, action, KIND, shape, (), "session", ending.strip("/"))  # type: ignore[arg-type]


PLANS = (_plan("GET", "", {}), _plan("POST", "/confirm", _CONFIRM))


def watch_intent(call: RequestContext, intent: Object) -> None:
    """Mark a session paid when its bank debit succeeds."""
    if intent["status"] == "succeeded":
        _pay(call, "payment_intent", intent)


def watch_invoice(call: RequestContext, invoice: Object) -> None:
    """Mark a session paid when the first invoice of its subscription is paid."""
    if invoice["status"] == "paid":
        _pay(call, "invoice", invoice)


def _pay(call: RequestContext, member: str, paid: Object) -> None:
    for session in call.backend.store.having(KIND, member, paid["id"]):
        if session["status"] == "complete" and session["payment_status"] == "unpaid":
            call.save(KIND, {**session, "payment_status": "paid"})


WATCHERS = {"invoice": watch_invoice, "payment_intent": watch_intent}
