"""Errors of work that is done under the parameter names of another operation."""

from __future__ import annotations

import pytest

from host.simulator.api_error import SimulatedError, invalid
from host.simulator.renamed_params import renaming


@pytest.mark.parametrize(
    ("names", "message", "param", "renamed"),
    [
        ({"unit_amount": "amount"}, "Invalid integer", "unit_amount", ("Invalid integer", "amount")),
        (
            {"unit_amount": "amount", "unit_amount_decimal": "amount_decimal"},
            "Only one of unit_amount, unit_amount_decimal.",
            "unit_amount_decimal",
            ("Only one of amount, amount_decimal.", "amount_decimal"),
        ),
        ({"items": ""}, "No items[0][price].", "items[0][price]", ("No price.", "price")),
        ({"items": ""}, "Too many.", "items[3][discounts][0][coupon]", ("Too many.", "discounts[0][coupon]")),
        ({"items": ""}, "At most 20 items.", "items", ("At most 20 items.", None)),
        ({"recurring": ""}, "Every 1095 days.", "recurring[interval]", ("Every 1095 days.", "interval")),
        (
            {"transfer_data[destination]": "destination", "transfer_data[amount]": "destination[amount]"},
            "Unknown",
            "transfer_data[destination]",
            ("Unknown", "destination"),
        ),
        ({"on_behalf_of": "phases[0][on_behalf_of]"}, "No", "on_behalf_of", ("No", "phases[0][on_behalf_of]")),
        ({"items": "phases[0][items]"}, "No", "phases[0][items][0][price]", ("No", "phases[0][items][0][price]")),
        ({"items": ""}, "No", None, ("No", None)),
    ],
)  # fmt: skip
def test_an_error_has_the_names_of_the_request(names, message, param, renamed) -> None:
    """The parameter is renamed by its whole name or its first part, and in the message where it is meant."""
    with pytest.raises(SimulatedError) as caught, renaming(names):
        raise invalid(message, param)
    assert (caught.value.message, caught.value.param) == renamed
