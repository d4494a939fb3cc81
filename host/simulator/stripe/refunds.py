"""Refunds of charges. https://docs.stripe.com/refunds, https://docs.stripe.com/testing#refunds"""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import books, cash_balances, disputes, transfers
from host.simulator.stripe.card_facts import card_of
from host.simulator.stripe.money import amount_of, check_amount, check_minor_units, shown

LATER = 60  # seconds until an asynchronous outcome; "some time later" in the documentation
EFFECTS = {"refunds.create": {"refund_application_fee", "reverse_transfer"}}
MAKES = {"refund", "balance_transaction", "customer_cash_balance_transaction"}


def create_refund(call: RequestContext) -> Object:
    """Refund all or a part of a charge."""
    if ("charge" in call.params) == ("payment_intent" in call.params):
        raise call.refuse(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    check_amount(call)
    if call.params.get("customer"):  # https://docs.stripe.com/api/refunds/create#create_refund-customer
        call.not_modelled("refunds of a cash balance", "Refunds are of a payment.", "customer")
    charge = _refundable(call)
    if not charge["captured"] and not charge["amount_captured"]:
        return _release_whole(call, charge)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = amount_of(call, "amount", left)
    if left <= 0:
        raise call.refuse(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount > left:
        currency = charge["currency"]
        of = "unrefunded amount on charge" if charge["amount_refunded"] else "charge amount"
        raise call.refuse(
            f"Refund amount ({shown(amount, currency)}) is greater than {of} ({shown(left, currency)})",
            param="amount",
        )
    check_minor_units(amount, charge["currency"], "amount")
    refund = resources.fresh(call)
    words = ("reverse_transfer", "refund_application_fee")
    call.put(refund, {name: value for name, value in call.params.items() if name not in words})
    refund["balance_transaction"] = None
    _return_shares(call, charge, refund, amount)
    method = call.find("payment_method", str(charge["payment_method"])) or {"type": "card"}
    how = card_of(method).refund
    pending = how == "pending" or method["type"] not in ("card", "customer_balance")
    refund.update(_facts(charge, amount, "pending" if pending else "succeeded", str(method["type"])))
    _count(call, refund, charge)
    if pending or how == "fail":
        call.backend.agenda.add(call, call.now + LATER, "refund", str(refund["id"]))
    if not pending:
        _pay(call, refund, charge)
    if method["type"] == "customer_balance":  # https://docs.stripe.com/payments/customer-balance/refunding
        about = {"refunded_from_payment": {"refund": refund["id"]}}
        cash_balances.move(call, charge["customer"], charge["currency"], amount, about)
    return call.save("refund", refund)


def _count(call: RequestContext, refund: Object, charge: Object) -> None:
    """Count a refund on its charge, which is saved."""
    charge["amount_refunded"] += refund["amount"]
    charge["refunded"] = charge["captured"] and charge["amount_refunded"] == charge["amount_captured"]
    if refund["reason"] == "fraudulent":  # https://docs.stripe.com/api/refunds/create#create_refund-reason
        charge["fraud_details"] = {"user_report": "fraudulent"}
    call.save("charge", charge)
    if charge["refunded"]:
        disputes.end_warnings(call, charge)


def _facts(charge: Object, amount: int, status: str, kind: str) -> Object:
    if kind == "customer_balance":
        kind = "customer_cash_balance"
    details: Object = {"type": kind}
    if kind == "customer_cash_balance":
        details[kind] = {}
    if kind == "card":
        details["card"] = {
            "reference_status": "pending",
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        }
    return {
        "amount": amount,
        "charge": charge["id"],
        "currency": charge["currency"],
        "customer": charge["customer"],
        "destination_details": details,
        "payment_intent": charge.get("payment_intent"),
        "payment_method": charge.get("payment_method"),
        "pending_reason": "processing" if status == "pending" else None,
        "status": status,
    }


def _pay(call: RequestContext, refund: Object, charge: Object) -> None:
    words = charge.get("description")
    card = charge["payment_method_details"]["type"] == "card"
    refund["balance_transaction"] = books.enter(
        call,
        "refund" if card else "payment_refund",
        -refund["amount"],
        refund["currency"],
        str(refund["id"]),
        description=f"REFUND FOR CHARGE ({words})" if words else "REFUND FOR CHARGE",
        available_on=books.when_available(call, charge.get("balance_transaction")),
    )


def _return_shares(call: RequestContext, charge: Object, refund: Object, amount: int) -> None:
    """For a divided payment, reverse the transfer and refund the application fee, each if the parameters say so."""
    if call.params.get("refund_application_fee"):
        transfers.refund_share(call, charge, amount, charge["amount_captured"])
    if not call.params.get("reverse_transfer"):
        return
    if not charge.get("transfer"):
        raise call.refuse(
            f"Cannot reverse transfer on charge {charge['id']} because it does not have an associated transfer.",
            param="reverse_transfer",
        )
    transfer = call.load("transfer", charge["transfer"])
    left = transfer["amount"] - transfer["amount_reversed"]
    part = min(left, (transfer["amount"] * amount + charge["amount"] // 2) // charge["amount"])
    if part > 0:
        reversal = transfers.reverse(call, transfer, part, metadata={}, refund=str(refund["id"]))
        refund["transfer_reversal"] = reversal["id"]


def _charge_of(call: RequestContext) -> Object:
    """The charge that the parameters name, or the intent's."""
    intent_id = call.params.get("payment_intent")
    if intent_id is None:
        return call.load("charge", call.params["charge"], "id")
    intent = call.load("payment_intent", intent_id, "payment_intent", 400)
    captured = intent["status"] == "requires_capture" and intent["amount_received"]
    if intent["status"] != "succeeded" and not captured:  # https://docs.stripe.com/payments/multicapture
        raise call.refuse(
            f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return call.load("charge", intent["latest_charge"])


def _refundable(call: RequestContext) -> Object:
    charge = _charge_of(call)
    if charge.get("source_transfer"):
        call.not_modelled("refunds of a transfer's payment", "A transfer reversal takes its money back.", "charge")
    if charge["status"] != "succeeded":
        raise call.refuse(f"Charge {charge['id']} is not a successful charge.", param="charge")
    if not charge["captured"] and not charge["amount_captured"] and charge["payment_intent"] is not None:
        raise call.refuse(
            f"You must cancel the PaymentIntent {charge['payment_intent']} to release its uncaptured charge "
            f"{charge['id']}.",
            param="charge",
        )
    disputes = call.backend.store.having("dispute", "charge", charge["id"]) if charge["disputed"] else []
    if any(not dispute["is_charge_refundable"] for dispute in disputes):
        raise call.refuse(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    return charge


def release(call: RequestContext, charge: Object, **fields: Any) -> Object:
    """Release an uncaptured charge, by a refund that enters nothing in the books."""
    charge.update(amount_refunded=charge["amount"], refunded=True)
    call.save("charge", charge)
    return call.make("refund", {**_facts(charge, charge["amount"], "succeeded", "card"), "metadata": {}, **fields})


def _release_whole(call: RequestContext, charge: Object) -> Object:
    """Refund an uncaptured charge, which is possible only in full."""
    if charge["refunded"]:
        raise call.refuse(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if call.params.get("amount", charge["amount"]) != charge["amount"]:
        raise call.refuse("An uncaptured charge can only be refunded in full.", param="amount")
    return release(call, charge, metadata=call.params.get("metadata") or {}, reason=call.params.get("reason"))


def settle_refund(call: RequestContext, id: str) -> None:
    """Let a pending refund succeed, or one that had succeeded fail."""
    refund = call.find("refund", id)
    if refund is None:
        return
    charge = call.load("charge", refund["charge"])
    if refund["status"] == "pending":
        refund.update(status="succeeded", pending_reason=None)
        _pay(call, refund, charge)
    else:
        refund.update(
            status="failed",
            failure_reason="unknown",
            failure_balance_transaction=books.enter(
                call,
                "refund_failure",
                refund["amount"],
                refund["currency"],
                id,
                available_on=books.when_available(call, refund["balance_transaction"]),
            ),
        )
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        call.save("charge", charge)
    call.save("refund", refund)


def cancel_refund(call: RequestContext) -> Object:
    """Refuse to cancel a refund: only one that requires action could be, and there are none."""
    call.subject()
    raise call.refuse("Canceling this refund is unsupported.")


BEHAVIOURS = {"refunds.cancel": cancel_refund, "refunds.create": create_refund}
DUE = {"refund": settle_refund}
