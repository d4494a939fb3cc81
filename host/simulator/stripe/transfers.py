"""Transfers from a platform to its accounts. https://docs.stripe.com/connect/separate-charges-and-transfers"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from host.simulator import resources
from host.simulator.api_error import invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import application_fees, books
from host.simulator.stripe.listing import embed, renew
from host.simulator.stripe.money import amount_of, check_amount, check_currency, shown

EFFECTS = {"transfers.reversals.create": {"refund_application_fee", "description"}}
MAKES = {"transfer", "transfer_reversal", "charge", "refund", "balance_transaction"}
_NOTHING: Mapping[str, Any] = {}
_TOO_LITTLE = (
    "You have insufficient available funds in your Stripe account. Try adding funds directly to your available "
    "balance by creating Charges using the 4000000000000077 test card. See: "
    "https://stripe.com/docs/testing#available-balance"
)


def check_destination(call: RequestContext, id: str, param: str, noun: str = "destination") -> None:
    """Refuse an account that the platform does not have, or that is the account itself."""
    if call.within("").find("account", id) is None or id == call.account:
        raise missing(noun, id, param, 400)


def check_accounts(call: RequestContext, params: Object, at: Callable[[str], str] = str) -> None:
    """Refuse accounts that would get money, or be charged for, and that there are not; ``at`` names a parameter."""
    if (destination := (params.get("transfer_data") or {}).get("destination")) is not None:
        check_destination(call, str(destination), at("transfer_data[destination]"))
    if account := params.get("on_behalf_of"):
        check_destination(call, str(account), at("on_behalf_of"), "account")


def create_transfer(call: RequestContext) -> Object:
    """Create a transfer to an account, from the available balance or from a charge."""
    check_currency(call)
    check_amount(call)
    params, destination = call.params, call.params["destination"]
    check_destination(call, destination, "destination")
    source = params.get("source_transaction")
    charge = call.load("charge", source, "source_transaction", 400) if source else None
    if charge is None and "amount" not in params:
        raise invalid("Missing required param: amount.", "amount", "parameter_missing")
    books.check_source_type(call, _TOO_LITTLE)
    currency = params["currency"]
    amount = amount_of(call, "amount", charge["amount_captured"] if charge else 0)
    if charge is None:
        books.spend(call, amount, currency, _TOO_LITTLE)
    else:
        _check_source(call, charge, amount, currency)
    transfer = resources.fresh(call)
    call.put(transfer, {k: v for k, v in params.items() if k not in ("amount", "currency")})
    group = params.get("transfer_group") or (charge or {}).get("transfer_group")
    if charge and not group:
        group = f"group_{charge['payment_intent'] or charge['id']}"
        call.save("charge", {**charge, "transfer_group": group})
    transfer.update(
        amount=amount, currency=currency, transfer_group=group, source_type=params.get("source_type", "card")
    )
    when = books.when_available(call, charge.get("balance_transaction")) if charge else 0
    return move(call, transfer, when)


def _check_source(call: RequestContext, charge: Object, amount: int, currency: str) -> None:
    if charge["currency"] != currency:
        raise call.refuse(
            f"The currency of source_transaction's balance transaction ({charge['currency']}) must be the same as the "
            f"transfer currency ({currency})",
            param="currency",
        )
    made = call.backend.store.having("transfer", "source_transaction", charge["id"])
    used = sum(transfer["amount"] - transfer["amount_reversed"] for transfer in made)
    if not charge["paid"] or not charge["captured"] or used + amount > charge["amount_captured"]:
        raise call.refuse(
            "Transfers using this transaction as a source must not exceed the source amount of "
            f"{shown(charge['amount_captured'], currency)}. (There is currently "
            f"{shown(used, currency)} in transfers using this source.)",
            code="balance_insufficient",
            param="amount",
        )


def move(
    call: RequestContext, transfer: Object, available_on: int, fee: int = 0, about: Mapping[str, Any] = _NOTHING
) -> Object:
    """Move a transfer's money from the balance to the account's, and save it.

    ``fee`` is the platform's share, ``about`` the description and metadata of the payment in the account.
    """
    amount, currency, id = transfer["amount"], transfer["currency"], transfer["id"]
    account = call.within(transfer["destination"])
    payment_id = "py_" + account.new_id("charge").partition("_")[2]
    fees = (books.fee_detail(fee, currency, application=application_fees.application(call)),) if fee else ()
    payment = account.make(
        "charge",
        {
            "amount": amount,
            "amount_captured": amount,
            "amount_refunded": 0,
            "application_fee_amount": fee or None,
            "balance_transaction": books.enter(
                account, "payment", amount, currency, payment_id, fees=fees, available_on=available_on
            ),
            "captured": True,
            "currency": currency,
            "description": about.get("description"),
            "metadata": dict(about.get("metadata") or {}),
            "paid": True,
            "payment_method_details": {"stripe_account": {}, "type": "stripe_account"},
            "source_transfer": id,
            "status": "succeeded",
            "transfer_group": transfer["transfer_group"],
        },
        id=payment_id,
    )
    transfer.update(
        amount_reversed=0,
        balance_transaction=books.enter(
            call,
            "transfer",
            -amount,
            currency,
            id,
            description=transfer.get("description"),
            available_on=available_on,
        ),
        destination_payment=payment["id"],
        reversed=False,
        reversals={"object": "list", "data": [], "has_more": False, "url": f"/v1/transfers/{id}/reversals"},
    )
    return call.save("transfer", transfer)


def of_charge(call: RequestContext, charge: Object, said: Object, amount: int, fee: int) -> Object:
    """Create the transfer of a destination charge; ``said`` is the ``transfer_data`` of its intent, if it has one."""
    transfer = call.blank("transfer")
    transfer.update(
        amount=amount,
        currency=charge["currency"],
        description=said.get("description"),
        destination=charge["transfer_data"]["destination"],
        source_transaction=charge["id"],
        source_type="card",
        transfer_group=charge.get("transfer_group") or f"group_{charge['payment_intent'] or charge['id']}",
        metadata=dict(said.get("metadata") or {}),
    )
    when = books.when_available(call, charge["balance_transaction"])
    return move(call, transfer, when, fee, said.get("payment_data") or {})


def create_reversal(call: RequestContext) -> Object:
    """Reverse all or a part of a transfer."""
    transfer = call.load("transfer", call.path_args["id"])
    check_amount(call)
    left = transfer["amount"] - transfer["amount_reversed"]
    if left <= 0:
        raise call.refuse(f"Transfer {transfer['id']} has already been reversed.", param="amount")
    amount = amount_of(call, "amount", left)
    currency = transfer["currency"]
    if amount > left:
        raise call.refuse(
            f"Transfer reversal amount ({shown(amount, currency)}) is greater than unreversed amount on transfer "
            f"({shown(left, currency)})",
            param="amount",
        )
    account = call.within(transfer["destination"])
    if amount > books.owned(account, currency):
        raise call.refuse(
            f"Insufficient funds in the destination account {transfer['destination']} to reverse "
            f"{shown(amount, currency)}.",
            code="balance_insufficient",
        )
    if call.params.get("refund_application_fee"):
        payment = account.load("charge", transfer["destination_payment"])
        refund_share(call, payment, amount, transfer["amount"])
    return reverse(call, transfer, amount, metadata=call.params.get("metadata") or {})


def refund_share(call: RequestContext, charge: Object, amount: int, whole: int) -> None:
    """Refund the application fee of a charge in the proportion of ``amount`` to ``whole``."""
    home = call.within("")
    fee = home.find("application_fee", str(charge.get("application_fee")))
    if fee is None:
        raise call.refuse(
            f"Charge {charge['id']} does not have an application fee to refund.", param="refund_application_fee"
        )
    part = min(fee["amount"] - fee["amount_refunded"], (fee["amount"] * amount + whole // 2) // whole)
    if part > 0:
        application_fees.give_back(home, fee, part, {})


def reverse(
    call: RequestContext, transfer: Object, amount: int, *, metadata: Object, refund: str | None = None
) -> Object:
    """Take ``amount`` back from the transfer's account, by a reversal here and a refund there; returns the reversal."""
    currency, id, account = transfer["currency"], call.new_id("transfer_reversal"), call.within(transfer["destination"])
    payment = account.load("charge", transfer["destination_payment"])
    back_id = "pyr_" + account.new_id("refund").partition("_")[2]
    account.make(
        "refund",
        {
            "amount": amount,
            "balance_transaction": books.enter(
                account,
                "payment_refund",
                -amount,
                currency,
                back_id,
                description="REFUND FOR PAYMENT",
                available_on=books.when_available(account, payment["balance_transaction"]),
            ),
            "charge": payment["id"],
            "currency": currency,
            "metadata": {},
            "source_transfer_reversal": id,
            "status": "succeeded",
        },
        id=back_id,
    )
    payment["amount_refunded"] += amount
    payment["refunded"] = payment["amount_refunded"] == payment["amount"]
    account.save("charge", payment)
    reversal = call.make(
        "transfer_reversal",
        {
            "amount": amount,
            "balance_transaction": books.enter(
                call,
                "transfer_refund",
                amount,
                currency,
                id,
                description=None if refund else call.params.get("description"),
                available_on=books.when_available(call, transfer["balance_transaction"]),
            ),
            "currency": currency,
            "destination_payment_refund": back_id,
            "metadata": dict(metadata),
            "source_refund": refund,
            "transfer": transfer["id"],
        },
        id=id,
        under=f"/v1/transfers/{transfer['id']}/reversals",
    )
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    embed(transfer["reversals"], reversal)
    call.save("transfer", transfer)
    call.saved = None
    return reversal


def watch_reversal(call: RequestContext, reversal: Object) -> None:
    """Show what was changed of a reversal in its transfer too."""
    renew(call, call.find("transfer", reversal["transfer"]), "reversals", reversal)


WATCHERS = {"transfer_reversal": watch_reversal}
BEHAVIOURS = {"transfers.create": create_transfer, "transfers.reversals.create": create_reversal}
