"""Disputes: opened by test cards, answered with evidence, won or lost. https://docs.stripe.com/disputes

The three texts of evidence that decide a dispute are in https://docs.stripe.com/testing#evidence; here they decide it
immediately.
"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext
from host.simulator.stripe import books

DAYS = 86400
# The networks' reason codes: https://docs.stripe.com/disputes/categories
_CODES = {"fraudulent": "10.4", "product_not_received": "13.1", "inquiry": "10"}
_OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")
MAKES = {"dispute", "radar.early_fraud_warning", "balance_transaction"}
EFFECTS = {"disputes.update": {"submit"}}
# Evidence that is the id of a file: https://docs.stripe.com/api/disputes/update#update_dispute-evidence
_FILES = frozenset(
    ("cancellation_policy", "customer_communication", "customer_signature", "duplicate_charge_documentation",
     "receipt", "refund_policy", "service_documentation", "shipping_documentation", "uncategorized_file")
)  # fmt: skip


def open_dispute(call: RequestContext, charge: Object, reason: str) -> Object:
    """Open a dispute of a charge, and withdraw the money until it is decided, unless it is an inquiry."""
    inquiry = reason == "inquiry"
    kind, code = charge["payment_method_details"]["type"], _CODES[reason]
    dispute = call.blank("dispute")
    dispute.update(
        amount=charge["amount_captured"],
        balance_transactions=[],
        charge=charge["id"],
        currency=charge["currency"],
        enhanced_eligibility_types=[],
        evidence_details={
            "due_by": _end_of_day(call.now + 8 * DAYS),
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        is_charge_refundable=inquiry,
        metadata={},
        network_reason_code=code,
        payment_intent=charge["payment_intent"],
        reason="fraudulent" if inquiry else reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    if kind == "card":
        brand = charge["payment_method_details"]["card"]["brand"]
        case = "inquiry" if inquiry else "chargeback"
        dispute["payment_method_details"] = {
            "card": {"brand": brand, "case_type": case, "network": brand, "network_reason_code": code},
            "type": "card",
        }
    if not inquiry:
        _withdraw(call, dispute, charge)
    call.save("charge", {**charge, "disputed": True})
    charge["disputed"] = True
    end_warnings(call, charge)
    call.backend.agenda.add(call, dispute["evidence_details"]["due_by"], "dispute", str(dispute["id"]))
    return call.save("dispute", dispute)


def warn(call: RequestContext, charge: Object) -> None:
    """Create an early fraud warning for a charge."""
    call.make(
        "radar.early_fraud_warning",
        {
            "actionable": not charge["disputed"],
            "charge": charge["id"],
            "fraud_type": "made_with_stolen_card",
            "payment_intent": charge["payment_intent"],
        },
    )


def end_warnings(call: RequestContext, charge: Object) -> None:
    """There is nothing left to do about the warnings for a charge that is disputed or was refunded in full.

    https://docs.stripe.com/api/radar/early_fraud_warnings/object#early_fraud_warning_object-actionable
    """
    kind = "radar.early_fraud_warning"
    for warning in call.backend.store.having(kind, "charge", charge["id"]) if call.backend.store.count(kind) else ():
        call.save(kind, {**warning, "actionable": False})


def _end_of_day(at: int) -> int:
    return at - at % DAYS + DAYS - 1


def _withdraw(call: RequestContext, dispute: Object, charge: Object) -> None:
    currency = dispute["currency"]
    fee = books.fee_detail(books.DISPUTE_FEE, currency, description="Dispute fee")
    _enter(call, dispute, charge, -dispute["amount"], (fee,), "Chargeback withdrawal", "dispute")


def _enter(
    call: RequestContext,
    dispute: Object,
    charge: Object,
    amount: int,
    fees: tuple[Object, ...],
    words: str,
    category: str,
) -> None:
    id = books.enter(
        call,
        "adjustment",
        amount,
        dispute["currency"],
        str(dispute["id"]),
        fees=fees,
        description=f"{words} for {charge['id']}",
        category=category,
        available_on=books.when_available(call, charge.get("balance_transaction")),
    )
    dispute["balance_transactions"].append(call.load("balance_transaction", id))


def update_dispute(call: RequestContext) -> Object:
    """Add evidence and, unless ``submit`` is false, submit it to the bank."""
    dispute = _open(call)
    for name in _FILES & (call.params.get("evidence") or {}).keys():
        if file := call.params["evidence"][name]:
            call.load("file", file, f"evidence[{name}]", 400)
    call.put(dispute, {k: v for k, v in call.params.items() if k != "submit"})
    given, details = call.params.get("evidence") is not None, dispute["evidence_details"]
    details["has_evidence"] = details["has_evidence"] or given
    if details["has_evidence"] and call.params.get("submit", given):
        details["submission_count"] += 1
        details["submission_method"] = "manual"
        inquiry = dispute["status"].startswith("warning")
        dispute["status"] = "warning_under_review" if inquiry else "under_review"
        _decide(call, dispute, str((dispute["evidence"] or {}).get("uncategorized_text") or "").strip())
    return call.save("dispute", dispute)


def _decide(call: RequestContext, dispute: Object, text: str) -> None:
    inquiry = dispute["status"].startswith("warning")
    charge = call.load("charge", dispute["charge"])
    if text == "winning_evidence":
        if not inquiry:
            _enter(call, dispute, charge, dispute["amount"], (), "Chargeback reversal", "dispute_reversal")
        dispute.update(status="warning_closed" if inquiry else "won", is_charge_refundable=True)
    elif text == "losing_evidence":
        dispute["status"] = "warning_closed" if inquiry else "lost"
    elif text == "escalate_inquiry_evidence" and inquiry:
        dispute.update(status="needs_response", is_charge_refundable=False)
        dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
        _withdraw(call, dispute, charge)


def close_dispute(call: RequestContext) -> Object:
    """Close a dispute without evidence, so that it is lost."""
    dispute = _open(call)
    inquiry = dispute["status"].startswith("warning")
    return call.save("dispute", {**dispute, "status": "warning_closed" if inquiry else "lost"})


def _open(call: RequestContext) -> Object:
    dispute = call.subject()
    if dispute["status"] not in _OPEN:
        raise call.refuse("This dispute is already closed")
    return dispute


def past_due(call: RequestContext, id: str) -> None:
    """Mark a dispute lost that was not answered in time."""
    dispute = call.find("dispute", id)
    if dispute is not None and dispute["status"] in ("needs_response", "warning_needs_response"):
        inquiry = dispute["status"].startswith("warning")
        dispute["evidence_details"]["past_due"] = True
        call.save("dispute", {**dispute, "status": "warning_closed" if inquiry else "lost"})


BEHAVIOURS = {"disputes.close": close_dispute, "disputes.update": update_dispute}
DUE = {"dispute": past_due}
