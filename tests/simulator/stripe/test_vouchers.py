"""Payments by voucher, whose end an email address says in test mode. https://docs.stripe.com/payments/oxxo"""

from __future__ import annotations

import pytest

from host.simulator.stripe.vouchers import KINDS

INTENTS = "/v1/payment_intents"


def begin(api, kind: str, email: str = "a@example.com", more: str = "") -> dict:
    currency = KINDS[kind][0][0]
    details = f"payment_method_data[billing_details][email]={email}" if email else ""
    if kind == "boleto":
        details += "&payment_method_data[boleto][tax_id]=00000000000"
    method = f"payment_method_types[]={kind}&payment_method_data[type]={kind}&{details}"
    return api.ask("POST", INTENTS, f"amount=50000&currency={currency}&confirm=true&{method}{more}")[1]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_voucher_is_paid_after_three_minutes(api, clock, kind) -> None:
    """Until then its page and its end are told; confirming again changes nothing."""
    made = begin(api, kind)
    shown = made["next_action"][f"{kind}_display_details"]
    assert (made["status"], made["next_action"]["type"]) == ("requires_action", f"{kind}_display_details")
    assert shown["hosted_voucher_url"].startswith("https://payments.stripe.com/")
    assert shown.get("expires_at", shown.get("expires_after")) == clock.now + KINDS[kind][1] * 86400
    assert api.post(f"{INTENTS}/{made['id']}/confirm")["next_action"] == made["next_action"]
    clock.now += 179
    assert api.get(f"{INTENTS}/{made['id']}")["status"] == "requires_action"
    clock.now += 1
    done = api.get(f"{INTENTS}/{made['id']}?expand[]=latest_charge")
    assert (done["status"], done["amount_received"], done["next_action"]) == ("succeeded", 50000, None)
    assert done["latest_charge"]["payment_method_details"]["type"] == kind


@pytest.mark.parametrize(
    ("email", "seconds", "status"),
    [
        ("succeed_immediately@example.com", 5, "succeeded"),
        ("jo_expire_immediately@example.com", 5, "requires_payment_method"),
        ("expire_with_delay@example.com", 180, "requires_payment_method"),
        ("fill_never@example.com", 3 * 86400, "requires_payment_method"),
    ],
)
def test_an_address_says_how_its_voucher_ends(api, clock, email, seconds, status) -> None:
    """The email address decides whether a voucher is paid or expires, and to the second when.

    https://docs.stripe.com/payments/oxxo/accept-a-payment#test-your-integration
    """
    made = begin(api, "oxxo", email)
    clock.now += seconds - 1
    assert api.get(f"{INTENTS}/{made['id']}")["status"] == "requires_action"
    clock.now += 1
    after = api.get(f"{INTENTS}/{made['id']}")
    code = None if status == "succeeded" else "payment_intent_payment_attempt_expired"
    assert (after["status"], (after["last_payment_error"] or {}).get("code")) == (status, code)


def test_a_canceled_voucher_is_not_paid(api, clock) -> None:
    """Though its customer would have paid it by then."""
    made = begin(api, "boleto")
    assert api.post(f"{INTENTS}/{made['id']}/cancel")["status"] == "canceled"
    clock.now += 200
    assert api.get(f"{INTENTS}/{made['id']}")["status"] == "canceled"


def test_a_voucher_lasts_as_long_as_it_says_and_needs_an_address(api, clock) -> None:
    """``expires_after_days`` sets the end of a voucher; a missing email address or tax number is refused by name."""
    made = begin(api, "oxxo", more="&payment_method_options[oxxo][expires_after_days]=1")
    assert made["next_action"]["oxxo_display_details"]["expires_after"] == clock.now + 86400
    error = begin(api, "oxxo", "")["error"]
    assert error["param"] == "payment_method_data[billing_details][email]"
    assert api.error("POST", "/v1/payment_methods", "type=boleto")[1]["param"] == "boleto[tax_id]"
