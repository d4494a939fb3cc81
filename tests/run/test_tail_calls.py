"""A tail call leaves no frame of the script's behind; its error still says the line."""

from __future__ import annotations

import pytest

from host import Host


@pytest.mark.parametrize(
    "code",
    [
        'local p = new_price():currency("usd")\n\nreturn p:create()',
        'local x = 1\n\nreturn stripe.products.retrieve("prod_nowhere")',
        'local function f()\n\n  return stripe.products.retrieve("prod_nowhere")\nend\nreturn f()',
    ],
)
def test_an_error_of_a_tail_call_says_its_line(code: str) -> None:
    """``return p:create()`` is how most scripts end."""
    with Host(simulate=True) as host:
        error = host.run_source(code).error
    assert error is not None
    assert error.line == 3
    assert "> 3 |" in error.source
