"""The example scripts run against the simulator and print what they say they do."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import ROOT, Cli

EXAMPLES = ROOT / "lua_scripts"

PAYMENT = r"""product        prod_\w+
price          price_\w+
coupon         \w+
customer       cus_\w+
subscription   sub_\w+ trialing
payment intent (pi_\w+) requires_payment_method
confirmed      \1 succeeded
"""

SUBSCRIPTION = r"""subscribed (sub_\w+) trialing
subscribed (sub_\w+) trialing
subscribed (sub_\w+) trialing
changed    \1 year
ending     \3 true
monthly    2
cancelled  \1 canceled
cancelled  \2 canceled
cancelled  \3 canceled
"""

ERROR_HANDLING = r"""1 false api 404 resource_missing id
2 nil api No such product: 'prod_nowhere'
3 false invalid not_sent
4 false invalid price has no parameter "curency"; did you mean "currency"\?
5 api 402 card_error card_declined generic_decline rejected
6 ask for another card
7 succeeded
8 false out of stock
"""

EXPECTED = {
    "payment.lua": PAYMENT,
    "subscription.lua": SUBSCRIPTION,
    "error_handling.lua": ERROR_HANDLING,
}
# Those of docs/tutorial.md are run by tests/webhooks/test_tutorial.py.
TUTORIAL = {"membership.lua", "membership_handlers.lua"}


def test_every_example_is_tested() -> None:
    """A new example needs its expected output here."""
    assert {path.name for path in EXAMPLES.glob("*.lua")} == set(EXPECTED) | TUTORIAL


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_prints_what_it_says(cli: Cli, name: str) -> None:
    """Each example ends with 0, says nothing on stderr, and its whole output is as expected."""
    done = cli("run", "--simulate", str(EXAMPLES / name))
    assert (done.status, done.err) == (0, "")
    assert re.fullmatch(EXPECTED[name], re.sub(r"\t", " ", done.out)), done.out


def test_the_number_of_subscribers_is_an_argument(cli: Cli) -> None:
    """subscription.lua takes its number of customers from the command line."""
    done = cli("run", "--simulate", str(EXAMPLES / "subscription.lua"), "1")
    assert done.out.count("subscribed") == 1
    assert done.status == 0
