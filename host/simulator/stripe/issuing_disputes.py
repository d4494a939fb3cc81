"""Disputes of purchases with issued cards. https://docs.stripe.com/issuing/purchases/disputes

A submitted dispute stays ``submitted``, as the card network's decision is not simulated.
"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.issuing_controls import TRANSACTION
from host.simulator.stripe.issuing_transactions import is_refunded
from host.simulator.stripe.periods import DAY

KIND = "issuing.dispute"
WINDOW = 110 * DAY  # seconds from the capture in which it can be disputed
_ATM = "automated_cash_disburse"


def create(call: RequestContext) -> Object:
    """Create an unsubmitted dispute of a capture."""
    if call.params.get("treasury"):
        call.not_modelled("a dispute of a received debit", "It takes transaction.", "treasury")
    if not call.params.get("transaction"):
        raise call.refuse("Missing required param: transaction.", code="parameter_missing", param="transaction")
    captured = call.load(TRANSACTION, call.params["transaction"], "transaction", 400)
    _check_eligible(call, captured)
    dispute = call.put(resources.fresh(call), {k: v for k, v in call.params.items() if k != "evidence"})
    dispute.update(
        amount=_amount(call, captured, -captured["amount"]),
        balance_transactions=[],
        currency=captured["currency"],
        evidence=_evidence(call, {}),
        status="unsubmitted",
        transaction=captured["id"],
    )
    call.save(TRANSACTION, {**captured, "dispute": dispute["id"]})
    call.backend.agenda.add(call, captured["created"] + WINDOW, "issuing_dispute", dispute["id"])
    return call.save(KIND, dispute)


def _check_eligible(call: RequestContext, captured: Object) -> None:
    wrong = ""
    if captured["type"] != "capture":
        wrong = "it is not a capture"
    elif captured["dispute"]:
        wrong = f"it is disputed already ({captured['dispute']})"
    elif is_refunded(call, captured["id"]):
        wrong = "a part of it was refunded"
    elif captured["created"] + WINDOW <= call.now:
        wrong = "110 days have passed since it was captured"
    elif captured["merchant_data"]["category"] == _ATM:
        wrong = "it is a withdrawal from an ATM"
    if wrong:
        raise call.refuse(f"This transaction cannot be disputed: {wrong}.", param="transaction")


def _amount(call: RequestContext, captured: Object, default: int) -> int:
    amount = call.params.get("amount", default)
    if not 1 <= amount <= -captured["amount"]:
        raise call.refuse(f"The amount must be between 1 and {-captured['amount']}, what was captured.", param="amount")
    return int(amount)


def _evidence(call: RequestContext, before: Object) -> Object:
    """The given evidence, completed with all members that evidence for its reason has."""
    given = {**before, **(call.params.get("evidence") or {})}
    reason = given.get("reason")
    if not reason:
        call.not_modelled("a dispute without a reason", "It takes evidence[reason].", "evidence[reason]")
    factory, catalog = call.backend.factory, call.backend.catalog
    schema = catalog.resolve(catalog.schema(KIND).properties["evidence"])
    evidence: Object = {"reason": reason or "other"}
    factory.put(schema, evidence, {name: value for name, value in given.items() if value})
    return evidence


def update(call: RequestContext) -> Object:
    """Update an unsubmitted dispute, or the metadata of a submitted one."""
    dispute = call.subject()
    changed = {"amount", "evidence"} & call.params.keys()
    if changed and dispute["status"] != "unsubmitted":
        name = sorted(changed)[0]
        raise call.refuse(f"This dispute is {dispute['status']}: only its metadata can be changed.", param=name)
    if "amount" in changed:
        dispute["amount"] = _amount(call, call.load(TRANSACTION, dispute["transaction"]), dispute["amount"])
    if "evidence" in changed:
        dispute["evidence"] = _evidence(call, dispute["evidence"])
    return call.save(KIND, call.put(dispute, {k: v for k, v in call.params.items() if k not in changed}))


def submit(call: RequestContext) -> Object:
    """Submit a dispute, which must have an explanation, to the card network."""
    dispute = call.subject()
    if dispute["status"] != "unsubmitted":
        raise call.refuse(f"This dispute cannot be submitted: it is {dispute['status']}.")
    reason = dispute["evidence"]["reason"]
    if not (dispute["evidence"].get(reason) or {}).get("explanation"):
        path = f"evidence[{reason}][explanation]"
        raise call.refuse(f"Missing required evidence: {path}.", code="parameter_missing", param=path)
    return call.save(KIND, {**call.put(dispute, call.params), "status": "submitted"})


def expire(call: RequestContext, id: str) -> None:
    """Let a dispute expire that was not submitted in time."""
    dispute = call.find(KIND, id)
    if dispute is not None and dispute["status"] == "unsubmitted":
        call.save(KIND, {**dispute, "status": "expired"})


BEHAVIOURS = {"issuing.disputes.create": create, "issuing.disputes.submit": submit, "issuing.disputes.update": update}
DUE = {"issuing_dispute": expire}
MAKES = {KIND}
