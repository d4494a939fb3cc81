"""What the settings make of rates, requests in flight and retries."""

from __future__ import annotations

from typing import Any

import pytest

from host.http.api_limits import limits_of, policies_of
from host.http.rate_limiter import Rate
from host.http.retry import RetryPolicy
from host.limits import ApiLimits
from host.settings import Settings

TEST, LIVE = "sk_test_51AbCdEfGhIjKlMnOpQr4242", "sk_live_51AbCdEfGhIjKlMnOpQr4242"


@pytest.mark.parametrize(
    ("settings", "simulated", "rates"),
    [
        ({"stripe_secret_key": TEST}, False, {"stripe": Rate(25)}),
        ({"stripe_secret_key": LIVE}, False, {"stripe": Rate(100)}),
        ({"stripe_secret_key": TEST, "stripe_api_base": "http://localhost:1"}, False, {}),
        ({}, True, {}),
        ({"stripe_secret_key": TEST, "api_limits": "stripe: rate=7"}, False, {"stripe": Rate(7)}),
        ({"stripe_secret_key": LIVE, "api_limits": "stripe: burst=300"}, False, {"stripe": Rate(100, 300)}),
        ({"stripe_secret_key": LIVE, "api_limits": "stripe: rate=0"}, False, {}),
        ({"stripe_secret_key": LIVE, "api_limits": "stripe: retries=1"}, False, {"stripe": Rate(100)}),
        ({"api_limits": "stripe: rate=7; pets: rate=.5"}, True, {"stripe": Rate(7), "pets": Rate(0.5)}),
        (
            {"stripe_api_base": "http://localhost:1", "stripe_secret_key": TEST, "api_limits": "stripe: rate=7"},
            False,
            {"stripe": Rate(7)},
        ),
    ],
)
def test_rates_are_stripes_own_or_what_was_said(
    settings: dict[str, Any], simulated: bool, rates: dict[str, Rate]
) -> None:
    """Stripe's documented rates at its own address only; what is set holds everywhere, simulated too."""
    assert limits_of(Settings(**settings), simulated=simulated).rates == rates


def test_places_and_retries_of_an_api_come_from_the_setting() -> None:
    """in_flight and retries, for the APIs that say so."""
    own = {"stripe": ApiLimits(in_flight=3, retries=5), "pets": {"rate": 2}}
    settings = Settings(api_limits=own, max_per_host=9)
    limits = limits_of(settings, simulated=False)
    assert (dict(limits.in_flight), limits.in_flight_per_host) == ({"stripe": 3}, 9)
    assert policies_of(settings) == {"stripe": RetryPolicy(retries=5)}
