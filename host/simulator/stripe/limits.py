"""Limits of billing's parameters that their schemas do not state: counts of lists, lengths of texts, ranges of numbers.

They stand with each parameter in https://docs.stripe.com/api/subscriptions/create and
https://docs.stripe.com/api/invoices/create.
"""

from __future__ import annotations

from typing import Any

from host.simulator.api_error import invalid

MOST = {"add_invoice_items": 20, "custom_fields": 4, "discounts": 20}
# Of billing_cycle_anchor_config, and of sent invoices.
RANGES = {
    "day_of_month": (1, 31),
    "days_until_due": (0, 36_500),
    "hour": (0, 23),
    "minute": (0, 59),
    "month": (1, 12),
    "second": (0, 59),
}
LENGTHS = {"name": 40, "value": 140}  # of custom fields


def check(given: Any, path: str = "") -> None:
    """Refuse parameters beyond their limits, wherever they stand in ``given``; ``path`` is where that is."""
    if isinstance(given, list):
        for n, value in enumerate(given):
            check(value, f"{path}[{n}]")
    elif isinstance(given, dict):
        for name, value in given.items():
            at = f"{path}[{name}]" if path else name
            _check(name, value, at)
            if name != "metadata":
                check(value, at)


def _check(name: str, value: Any, at: str) -> None:
    if isinstance(value, list) and name in MOST:
        if len(value) > MOST[name]:
            raise invalid(f"You can pass at most {MOST[name]} {name}; you passed {len(value)}.", at)
        for n, field in enumerate(value if name == "custom_fields" else ()):
            _check_field(field, f"{at}[{n}]")
    elif isinstance(value, int) and name in RANGES:
        least, most = RANGES[name]
        if not least <= value <= most:
            raise invalid(f"Invalid integer: must be from {least} to {most}.", at, "parameter_invalid_integer")


def _check_field(field: dict[str, Any], at: str) -> None:
    for name, most in LENGTHS.items():
        if len(str(field.get(name) or "")) > most:
            raise invalid(f"Invalid string: a custom field's {name} has at most {most} characters.", f"{at}[{name}]")
