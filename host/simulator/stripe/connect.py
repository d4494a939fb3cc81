"""Payments that are divided between a platform and a connected account.

https://docs.stripe.com/connect/charges, https://docs.stripe.com/connect/destination-charges
"""

from __future__ import annotations

from host.simulator.api_error import SimulatedError, invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import application_fees, transfers
from host.simulator.stripe.money import shown


def check_division(call: RequestContext, params: Object, amount: int, currency: str) -> None:
    """Refuse a fee or transfer that is larger than the payment, and accounts that do not exist."""
    fee, data = params.get("application_fee_amount"), params.get("transfer_data") or {}
    destination, part = data.get("destination"), data.get("amount")
    if data and not destination:
        raise invalid("Without a `transfer_data[destination]` there can be no `transfer_data`.", "transfer_data")
    transfers.check_accounts(call, params)
    if fee is not None:
        if fee < 0:
            raise invalid("Invalid non-negative integer", "application_fee_amount", "parameter_invalid_integer")
        if part is not None:
            raise invalid(
                "You may only specify one of these parameters: transfer_data[amount], application_fee_amount.",
                code="parameters_exclusive",
            )
        if destination is None and not call.account:
            raise _no_account()
        if fee > amount:
            raise invalid(
                f"Your application fee of {shown(fee, currency)} cannot be larger than the amount of the payment, "
                f"which is {shown(amount, currency)}.",
                "application_fee_amount",
            )
    if part is not None and part > amount:
        raise invalid(
            f"The transfer_data[amount] of {shown(part, currency)} cannot be larger than the amount of the payment, "
            f"which is {shown(amount, currency)}.",
            "transfer_data[amount]",
        )


def _no_account() -> SimulatedError:
    return invalid(
        "Can only apply an application_fee_amount when the PaymentIntent is attempting a direct payment (using an "
        "OAuth key or Stripe-Account header) or destination payment (using `transfer_data[destination]`).",
        "application_fee_amount",
    )


def divide(call: RequestContext, charge: Object, share: int) -> None:
    """Transfer a captured charge's money to its destination, and collect the platform's ``share``. The charge is
    changed, but not saved.
    """
    data = charge.get("transfer_data")
    if data:
        amount = charge["amount_captured"] if data.get("amount") is None else data["amount"]
        about = call.find("payment_intent", str(charge["payment_intent"])) or {}
        said: Object = about.get("transfer_data") or {}
        transfer = transfers.of_charge(call, charge, said, min(amount, charge["amount_captured"]), share)
        charge["transfer"] = transfer["id"]
        charge["transfer_group"] = transfer["transfer_group"]
        if share:
            account = call.within(data["destination"])
            payment = account.load("charge", transfer["destination_payment"])
            charge["application_fee"] = application_fees.collect(
                call, share, charge, data["destination"], str(payment["id"])
            )
            payment["application_fee"] = charge["application_fee"]
            account.save("charge", payment)
    elif share and call.account:
        charge["application_fee"] = application_fees.collect(call.within(""), share, charge, call.account, charge["id"])
