"""Top-ups of a platform's balance. https://docs.stripe.com/connect/top-ups, https://docs.stripe.com/api/topups"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import SimulatedError
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import books
from host.simulator.stripe.money import check_amount, check_currency
from host.simulator.stripe.payment_methods import payment_method

MAKES = {"topup", "balance_transaction"}


def create_topup(call: RequestContext) -> Object:
    """Create a top-up, which is pending until the money is available on the next business day."""
    check_currency(call)
    check_amount(call)
    if call.params.get("source"):
        call.not_modelled("a source of one's own", "Top-ups come from the account's default source.", "source")
    topup = call.put(resources.fresh(call), {k: v for k, v in call.params.items() if k != "payment_method"})
    if given := call.params.get("payment_method"):
        topup["payment_method"] = payment_method(call, given)["id"]
    due = books.business_day(call.now, 1)
    topup.update(expected_availability_date=due, initiated_by="user", status="pending")
    topup["balance_transaction"] = books.enter(
        call,
        "topup",
        topup["amount"],
        topup["currency"],
        topup["id"],
        description=topup.get("description"),
        available_on=due,
    )
    call.backend.agenda.add(call, due, "topup", topup["id"])
    return call.save("topup", topup)


def arrive(call: RequestContext, id: str) -> None:
    """Let a pending top-up succeed."""
    topup = call.find("topup", id)
    if topup is not None and topup["status"] == "pending":
        call.save("topup", {**topup, "status": "succeeded"})


def cancel_topup(call: RequestContext) -> Object:
    """Cancel a pending top-up."""
    topup = call.subject()
    if topup["status"] != "pending":
        raise SimulatedError(
            400,
            f"You cannot cancel this Top-up because it has a status of {topup['status']}. Only a Top-up with a status "
            "of pending may be canceled.",
            worked=True,
        )
    books.enter(
        call,
        "topup_reversal",
        -topup["amount"],
        topup["currency"],
        topup["id"],
        available_on=topup["expected_availability_date"],
    )
    return call.save("topup", {**topup, "status": "canceled"})


BEHAVIOURS = {"topups.cancel": cancel_topup, "topups.create": create_topup}
DUE = {"topup": arrive}
