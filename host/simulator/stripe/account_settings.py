"""What the settings of the account that is paid say of a payment: what its customer reads, and what is declined.

https://docs.stripe.com/get-started/account/statement-descriptors, https://docs.stripe.com/api/accounts/object
"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext
from host.simulator.stripe.card_facts import checks_done

_PREFIX = "STRIPE SIMULATOR"  # the descriptor of the platform, and of accounts without one
_MOST = 22  # characters


def _settings(call: RequestContext, source: Object) -> Object:
    """The settings of the connected account that a payment is made by or for; none for the platform's own."""
    id = source.get("on_behalf_of") or call.account
    account = call.within("").find("account", str(id)) if id else None
    found: Object = (account or {}).get("settings") or {}
    return found


def descriptor(call: RequestContext, source: Object, *, card: bool) -> str:
    """The text on the customer's statement, up to 22 characters: the account's descriptor with the payment's suffix.

    A descriptor of the charge itself is used as a suffix for cards, and alone for bank debits.
    https://docs.stripe.com/api/charges/create#create_charge-statement_descriptor
    """
    own = source.get("statement_descriptor")
    if own and not card:
        return str(own)
    settings = _settings(call, source)
    whole = (settings.get("payments") or {}).get("statement_descriptor") or _PREFIX
    suffix = source.get("statement_descriptor_suffix") or own
    if not suffix:
        return str(whole)
    prefix = (settings.get("card_payments") or {}).get("statement_descriptor_prefix") or whole
    return f"{prefix}* {suffix}"[:_MOST]


def failed_check(call: RequestContext, source: Object, method: Object) -> str:
    """The code of the check for which the account's settings decline a card, or ""."""
    wanted = (_settings(call, source).get("card_payments") or {}).get("decline_on") or {}
    if not any(wanted.values()) or method["type"] != "card":
        return ""
    checks = checks_done(method)
    if wanted.get("cvc_failure") and checks["cvc_check"] == "fail":
        return "incorrect_cvc"
    failed = "fail" in (checks["address_postal_code_check"], checks["address_line1_check"])
    return "incorrect_zip" if wanted.get("avs_failure") and failed else ""
