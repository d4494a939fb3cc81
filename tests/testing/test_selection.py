"""-k of ``host test``."""

from __future__ import annotations

import pytest

from host.errors import UsageError
from host.testing.selection import selection


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("refund", ["a Refund fails"]),
        ("not refund", ["a payment fails", "a payment succeeds"]),
        ("payment and not fails", ["a payment succeeds"]),
        ("refund or succeeds", ["a payment succeeds", "a Refund fails"]),
        ("not (refund or succeeds)", ["a payment fails"]),
        ("refund or payment and fails", ["a payment fails", "a Refund fails"]),
        ("not not refund", ["a Refund fails"]),
    ],
)
def test_an_expression_chooses_names(expression: str, names: list[str]) -> None:
    """Words are parts of names in any case; and binds before or, not before both."""
    all_names = ["a payment fails", "a payment succeeds", "a Refund fails"]
    assert [name for name in all_names if selection(expression)(name)] == names


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("", "a word is missing"),
        ("a and", "a word is missing"),
        ("or b", "a word is missing"),
        ("(a", "a ) is missing"),
        ("a b", "'b' is unexpected"),
        ("a)", "')' is unexpected"),
    ],
)
def test_a_wrong_expression_is_named(expression: str, fault: str) -> None:
    """What is wrong is said, with the expression."""
    with pytest.raises(UsageError) as caught:
        selection(expression)
    assert str(caught.value).startswith(f"-k {expression!r}: {fault}")
