"""The endpoint at which Stripe's CLI tries purchases with issued cards, which the API's document does not have.

It is the older form of ``POST /v1/test_helpers/issuing/authorizations``, with the parameter names of that time.
"""

from __future__ import annotations

from host.apis.catalog import Operation, Param, Schema
from host.simulator.context import Object, RequestContext
from host.simulator.routes import RoutePlan

AUTHORIZATION = "issuing.authorization"
_TEXT = Schema(type="string")
_NEWER = {"authorization_method": "authorization_method", "held_amount": "amount", "held_currency": "currency"}
_ID = "issuing.cards.test_authorizations"


def _plan() -> RoutePlan:
    params = {"card": Param("card", "path", _TEXT, required=True)}
    params |= {name: Param(name, "body", _TEXT) for name in ("authorization_method", "held_currency")}
    params["held_amount"] = Param("held_amount", "body", Schema(type="integer"))
    shape = Schema(ref=AUTHORIZATION)
    path = "/v1/issuing/cards/{card}/test/authorizations"
    operation = Operation(id=_ID, method="POST", path=path, params=params, body="form", result=shape)
    return RoutePlan(operation, "create", AUTHORIZATION, shape)


PLANS = (_plan(),)


def create(call: RequestContext) -> Object:
    """Try the purchase with today's parameter names."""
    from host.simulator.stripe.issuing_authorizations import create as purchase  # this module is always loaded

    params = {_NEWER[name]: value for name, value in call.params.items() if name in _NEWER}
    asked = call.asking("POST", "/v1/test_helpers/issuing/authorizations", {"card": call.path_args["card"], **params})
    return purchase(asked)


BEHAVIOURS = {_ID: create}
EFFECTS = {_ID: {"held_amount", "held_currency"}}
