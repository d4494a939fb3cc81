"""What the amount of a payment is made of: line items, shipping, tax and a discount.

https://docs.stripe.com/payments/payment-line-items
"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import invalid
from host.simulator.checks import at_least
from host.simulator.context import Object, RequestContext

KIND = "payment_intent_amount_details_line_item"
PATH = "/v1/payment_intents/{id}/amount_details_line_items"
MAKES = {KIND}
_MOST = 200
_MOST_CODE = 12  # characters of a product_code
# The paths of the parameters that answers do not show as they were given.
EFFECTS_OF = {
    "amount_details.line_items",
    "amount_details.enforce_arithmetic_validation",
    "amount_details=None",  # which leaves an empty object
}
_IDS = "~line_items"  # by intent: the ids of its line items
_MISSING = object()
_MISMATCH = "amount_details_amount_mismatch"
_TOO_MUCH = "amount_details_tax_shipping_discount_greater_than_amount"


def take(call: RequestContext, intent: Object, amount: int) -> None:
    """Take the parts of ``amount`` that the parameters give, after they were put into the intent.

    Parts that do not add up to it are refused or, without ``enforce_arithmetic_validation``, noted.
    """
    given: Any = call.params.get("amount_details", _MISSING)
    if given is _MISSING:
        return
    if not given:  # they are unset
        intent["amount_details"] = {"tip": {}}
        _keep(call, str(intent["id"]), [])
        return
    items = given.get("line_items")
    _check(given, items or [])
    details = intent["amount_details"]
    details.pop("line_items", None)  # which answers have only when they are expanded
    fault = _fault(given, items, amount)
    if fault and given.get("enforce_arithmetic_validation", True):
        raise call.refuse(fault[1], code=fault[0], param="amount_details")
    details["error"] = {"code": fault[0], "message": fault[1]} if fault else None
    if items is not None:
        _keep(call, str(intent["id"]), items)


def _check(given: Any, items: list[Any]) -> None:
    _check_sign(given, "amount_details")
    if int((given.get("shipping") or {}).get("amount") or 0) < 0:
        raise at_least("amount_details[shipping][amount]", "0")
    if len(items) > _MOST:
        raise invalid(f"There can be at most {_MOST} line items.", "amount_details[line_items]")
    own = {"discount_amount": given.get("discount_amount"), "tax": (given.get("tax") or {}).get("total_tax_amount")}
    for n, item in enumerate(items):
        path = f"amount_details[line_items][{n}]"
        _check_sign(item, path)
        if item["quantity"] < 1:
            raise at_least(f"{path}[quantity]", "1")
        if item["unit_cost"] < 0:
            raise at_least(f"{path}[unit_cost]", "0")
        if len(item.get("product_code") or "") > _MOST_CODE:
            raise invalid(f"A product code has at most {_MOST_CODE} characters.", f"{path}[product_code]")
        for name, whole in own.items():
            if item.get(name) is not None and whole is not None:
                raise invalid(
                    f"You may only specify one of these parameters: amount_details[{name}], {path}[{name}].",
                    f"{path}[{name}]",
                    "parameters_exclusive",
                )


def _check_sign(given: Any, path: str) -> None:
    if given.get("discount_amount") is not None and given["discount_amount"] < 1:
        raise at_least(f"{path}[discount_amount]", "1")
    if int((given.get("tax") or {}).get("total_tax_amount") or 0) < 0:
        raise at_least(f"{path}[tax][total_tax_amount]", "0")


def _fault(given: Any, items: list[Any] | None, amount: int) -> tuple[str, str] | None:
    """Code and message, if the parts are not those of ``amount``."""
    tax = int((given.get("tax") or {}).get("total_tax_amount") or 0)
    shipping = int((given.get("shipping") or {}).get("amount") or 0)
    if tax + shipping > amount:
        return _TOO_MUCH, f"The tax and shipping of {tax + shipping} are greater than the amount of {amount}."
    if not items:
        return None
    total = shipping + tax - int(given.get("discount_amount") or 0)
    for item in items:
        total += item["unit_cost"] * item["quantity"] - int(item.get("discount_amount") or 0)
        total += int((item.get("tax") or {}).get("total_tax_amount") or 0)
    if total == amount:
        return None
    return _MISMATCH, f"The line items, tax and shipping less the discounts are {total}, and the amount is {amount}."


def _keep(call: RequestContext, intent: str, items: list[Any]) -> None:
    """Keep the line items of an intent instead of those that it had; the first last, since lists are newest first."""
    path, store = PATH.format(id=intent), call.backend.store
    for id in (store.get(_IDS, intent) or {"ids": []})["ids"]:
        store.put(KIND, id, {"id": id, "object": KIND, "deleted": True}, deleted=True)
    made = [call.make(KIND, _item(item), id=call.backend.ids.new("uli_"), under=path) for item in reversed(items)]
    store.put(_IDS, intent, {"ids": [item["id"] for item in made]})


def _item(given: Any) -> Object:
    members = ("discount_amount", "payment_method_options", "product_code", "tax", "unit_of_measure")
    needed = ("product_name", "quantity", "unit_cost")
    return {**dict.fromkeys(members), **{name: given[name] for name in (*members, *needed) if name in given}}
