"""Payments by bank transfer. https://docs.stripe.com/payments/bank-transfers/accept-a-payment

A payment takes what is in the customer's cash balance, and waits for the rest. An arriving transfer pays the payment
whose reference it has, else one for exactly its amount, else the oldest one:
https://docs.stripe.com/payments/customer-balance/reconciliation
"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.api_error import invalid
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import bank_addresses, cash_balances, charges
from host.simulator.stripe.bank_addresses import PLACES

INTENT, METHOD = "payment_intent", "customer_balance"
PARTIAL = "payment_intent.partially_funded"
MAKES = {"charge", cash_balances.TRANSACTION}
_WAITING = "~bank_transfer"  # by intent: how much was paid, and the reference of its transfers
_OPTIONS = "payment_method_options[customer_balance]"


def confirm(call: RequestContext, intent: Object) -> Object:
    """Pay the intent from the customer's cash balance, or leave it waiting for what is missing; saves it."""
    customer = intent.get("customer")
    if not customer:
        raise invalid("A payment by bank transfer needs a customer.", "customer", "parameter_missing")
    if intent["capture_method"] == "manual":
        raise invalid(
            "The payment method type customer_balance does not support capture_method=manual.", "capture_method"
        )
    transfer, country = _transfer(intent)
    if call.backend.store.get(_WAITING, intent["id"]) is None:
        note = {"id": intent["id"], "customer": customer, "paid": 0, "reference": call.backend.ids.code(), "open": True}
        call.backend.store.put(_WAITING, intent["id"], {**note, "type": transfer, "country": country})
    balance = cash_balances.balance_of(call, customer)
    if balance["settings"]["reconciliation_mode"] == "automatic":
        amount = (balance["available"] or {}).get(intent["currency"], 0)
        return _take(call, intent, min(amount, _left(call, intent)))
    return _take(call, intent, 0)


def _transfer(intent: Object) -> tuple[str, str]:
    """The kind of transfer that an intent requests, and the country where one can be chosen (in the EU)."""
    options = (intent.get("payment_method_options") or {}).get(METHOD) or {}
    if options.get("funding_type") != "bank_transfer":
        path = f"{_OPTIONS}[funding_type]"
        raise invalid(f"Missing required param: {path}: it must be bank_transfer.", path, "parameter_missing")
    transfer = options.get("bank_transfer") or {}
    return check(transfer, intent["currency"], f"{_OPTIONS}[bank_transfer]")


def check(transfer: Object, currency: str, path: str) -> tuple[str, str]:
    """The kind of a bank transfer, and the country where one can be chosen, else "".

    ``path`` is the parameter. Raises :class:`SimulatedError` for a currency of another kind, or a wrong country.
    """
    kind = transfer.get("type")
    if kind is None:
        raise invalid(f"Missing required param: {path}[type].", f"{path}[type]", "parameter_missing")
    place = PLACES[kind]
    if place.currency != currency:
        raise invalid(f"{kind} is for payments in {place.currency}, not in {currency}.", f"{path}[type]")
    country = str((transfer.get("eu_bank_transfer") or {}).get("country") or "")
    if place.country:
        return kind, ""
    if country not in bank_addresses.IBANS:
        here = f"{path}[eu_bank_transfer][country]"
        raise invalid(f"Invalid {here}: must be one of {', '.join(bank_addresses.IBANS)}.", here)
    return kind, country


def _note(call: RequestContext, intent: Object) -> Object:
    found = call.backend.store.get(_WAITING, intent["id"])
    assert found is not None
    return found


def _left(call: RequestContext, intent: Object) -> int:
    return int(intent["amount"] - _note(call, intent)["paid"])


def _take(call: RequestContext, intent: Object, amount: int) -> Object:
    """Pay ``amount`` of an intent from the cash balance. An intent that is fully paid succeeds, with a charge."""
    note = _note(call, intent)
    if amount:
        about = {"applied_to_payment": {"payment_intent": intent["id"]}}
        cash_balances.move(call, note["customer"], intent["currency"], -amount, about)
        note["paid"] += amount
    note["open"] = note["paid"] < intent["amount"]
    call.backend.store.put(_WAITING, intent["id"], note)
    if not note["open"]:
        return _succeed(call, intent)
    intent.update(status="requires_action", next_action=_instructions(call, intent, note))
    call.save(INTENT, intent)
    if amount:
        call.announce(PARTIAL, INTENT, intent["id"])
    return intent


def _succeed(call: RequestContext, intent: Object) -> Object:
    method = call.load("payment_method", intent["payment_method"])
    charge = charges.make_charge(call, intent, method, captured=True)
    intent.update(latest_charge=charge["id"], next_action=None, last_payment_error=None)
    intent.update(status="succeeded", amount_received=intent["amount"])
    charges.settle(call, charge)
    return call.save(INTENT, intent)


def _instructions(call: RequestContext, intent: Object, note: Object) -> Object:
    found = bank_addresses.addresses(call, note["type"], note["country"], note["customer"])
    return {
        "type": "display_bank_transfer_instructions",
        "display_bank_transfer_instructions": {
            "amount_remaining": intent["amount"] - note["paid"],
            "currency": intent["currency"],
            "financial_addresses": found,
            "hosted_instructions_url": f"https://payments.stripe.com/bank_transfers/instructions/test_{intent['id']}",
            "reference": note["reference"],
            "type": note["type"],
        },
    }


def reconcile(call: RequestContext, customer: str, currency: str, reference: str | None) -> None:
    """Pay waiting intents of a customer with the money that arrived; ``reference`` is that of the transfer."""
    while (available := cash_balances.available(call, customer, currency)) > 0:
        waiting = [
            (note, intent)
            for note in call.backend.store.having(_WAITING, "customer", customer)
            if note["open"]
            and (intent := call.find(INTENT, note["id"]))
            and intent["currency"] == currency
            and intent["status"] == "requires_action"
        ]
        if not waiting:
            return
        named = [intent for note, intent in waiting if reference and note["reference"] == reference]
        exact = [intent for note, intent in waiting if intent["amount"] - note["paid"] == available]
        chosen = (named or exact or [intent for _, intent in waiting])[0]
        _take(call, chosen, min(available, _left(call, chosen)))


def apply(call: RequestContext) -> Object:
    """Pay an intent from the cash balance on request: what it lacks, or ``amount``."""
    intent = call.subject()
    note = call.backend.store.get(_WAITING, intent["id"])
    if note is None or not note["open"] or intent["status"] != "requires_action":
        raise call.refuse(
            "This PaymentIntent does not wait for a bank transfer.", code="payment_intent_unexpected_state"
        )
    if str(call.params.get("currency") or intent["currency"]).lower() != intent["currency"]:
        raise invalid(f"The currency must be {intent['currency']}, the payment's.", "currency")
    amount = call.params.get("amount", _left(call, intent))
    if not 1 <= amount <= _left(call, intent):
        raise invalid(f"The amount must be between 1 and {_left(call, intent)}, what is left.", "amount")
    if amount > cash_balances.available(call, note["customer"], intent["currency"]):
        raise call.refuse("The customer's cash balance has not that much.", code="balance_insufficient", param="amount")
    return _take(call, intent, amount)


def instructions(call: RequestContext) -> Object:
    """The accounts to which a customer sends money that is for no particular payment."""
    customer = call.load("customer", call.path_args["customer"], "customer")
    currency = call.params["currency"].lower()
    kind, country = check(call.params["bank_transfer"], currency, "bank_transfer")
    wanted = call.params["bank_transfer"].get("requested_address_types")
    if wanted and PLACES[kind].address not in wanted:
        path = "bank_transfer[requested_address_types]"
        raise invalid(f"{kind} has addresses of type {PLACES[kind].address} only.", path)
    found = resources.fresh(call)
    land = country or PLACES[kind].country
    transfer: Object = {"country": land, "type": kind}
    transfer["financial_addresses"] = bank_addresses.addresses(call, kind, country, customer["id"])
    return {**found, "currency": currency, "funding_type": "bank_transfer", "bank_transfer": transfer}


def watch_intent(call: RequestContext, intent: Object) -> None:
    """Return what was paid of a canceled intent to the customer's cash balance."""
    note = call.backend.store.get(_WAITING, intent["id"]) if intent["status"] == "canceled" else None
    if note is None or not note["open"]:
        return
    call.backend.store.put(_WAITING, intent["id"], {**note, "open": False})
    if note["paid"]:
        about = {"unapplied_from_payment": {"payment_intent": intent["id"]}}
        cash_balances.move(call, note["customer"], intent["currency"], note["paid"], about)


BEHAVIOURS = {
    "customers.funding_instructions.create": instructions,
    "payment_intents.apply_customer_balance": apply,
}
EFFECTS = {
    "customers.funding_instructions.create": {
        "bank_transfer.eu_bank_transfer",
        "bank_transfer.requested_address_types",
    },
    "payment_intents.apply_customer_balance": {"amount"},
}
WATCHERS = {INTENT: watch_intent}
