"""The requirements of connected accounts: what Stripe still needs to know.

https://docs.stripe.com/connect/required-verification-information
"""

from __future__ import annotations

from collections.abc import Iterator

from host.simulator.context import Object

_ADDRESS = ("city", "line1", "postal_code", "state")


def none() -> Object:
    """The ``requirements`` of an account that has none."""
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": [],
        "disabled_reason": None,
        "errors": [],
        "eventually_due": [],
        "past_due": [],
        "pending_verification": [],
    }


def judge(account: Object) -> None:
    """Set an account's requirements, capabilities, and whether it can be charged and paid out to."""
    due = sorted(_missing(account))
    account["requirements"] = none() | {
        "currently_due": due,
        "eventually_due": list(due),
        "past_due": list(due),
        "disabled_reason": "requirements.past_due" if due else None,
    }
    account["future_requirements"] = none()
    state = "inactive" if due else "active"
    account["capabilities"] = dict.fromkeys(account["capabilities"] or {}, state)
    ready = not due
    account.update(
        charges_enabled=ready and "card_payments" in account["capabilities"],
        payouts_enabled=ready,
        details_submitted=ready,
    )


def _missing(account: Object) -> Iterator[str]:
    profile = account.get("business_profile") or {}
    if not profile.get("mcc"):
        yield "business_profile.mcc"
    if not (profile.get("url") or profile.get("product_description")):
        yield "business_profile.url"
    if not account.get("business_type"):
        yield "business_type"
    if not account["external_accounts"]["data"]:
        yield "external_account"
    accepted = account.get("tos_acceptance") or {}
    yield from (f"tos_acceptance.{name}" for name in ("date", "ip") if not accepted.get(name))
    if account.get("business_type") == "individual":
        yield from _missing_person(account.get("individual") or {})
    elif account.get("business_type"):
        yield from _missing_company(account.get("company") or {})


def _missing_person(person: Object) -> Iterator[str]:
    names = ("email", "first_name", "last_name", "phone")
    yield from (f"individual.{name}" for name in names if not person.get(name))
    address, birth = person.get("address") or {}, person.get("dob") or {}
    yield from (f"individual.address.{name}" for name in _ADDRESS if not address.get(name))
    yield from (f"individual.dob.{name}" for name in ("day", "month", "year") if not birth.get(name))
    if not (person.get("ssn_last_4_provided") or person.get("id_number_provided")):
        yield "individual.ssn_last_4"


def _missing_company(company: Object) -> Iterator[str]:
    yield from (f"company.{name}" for name in ("name", "phone") if not company.get(name))
    address = company.get("address") or {}
    yield from (f"company.address.{name}" for name in _ADDRESS if not address.get(name))
    if not company.get("tax_id_provided"):
        yield "company.tax_id"
