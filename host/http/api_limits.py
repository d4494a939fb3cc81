"""The rates, permits and retries of each API, as the settings say."""

from __future__ import annotations

from collections.abc import Mapping

from host.http.limiter import HttpLimits
from host.http.rate_limiter import Rate
from host.http.retry import RetryPolicy
from host.settings import STRIPE_API_BASE, Settings

__all__ = ["limits_of", "policies_of"]


def limits_of(settings: Settings, *, simulated: bool) -> HttpLimits:
    """The limits of a host. Unless set otherwise, Stripe has the rates it documents, at its own address
    only (https://docs.stripe.com/rate-limits)."""
    rates: dict[str, Rate] = {}
    if not simulated and settings.stripe_api_base == STRIPE_API_BASE:
        rates["stripe"] = Rate(100.0 if settings.mode == "live" else 25.0)
    for name, own in settings.api_limits.items():
        if own.rate is None and own.burst is None:
            continue
        usual = rates.pop(name, None)
        per_second = own.rate if own.rate is not None else usual.per_second if usual is not None else 0.0
        if per_second > 0:
            rates[name] = Rate(per_second, own.burst)
    in_flight = {name: own.in_flight for name, own in settings.api_limits.items() if own.in_flight is not None}
    return HttpLimits(rates=rates, in_flight_per_host=settings.max_per_host, in_flight=in_flight)


def policies_of(settings: Settings) -> Mapping[str, RetryPolicy]:
    """The retry policies of the APIs for which one is set."""
    return {
        name: RetryPolicy(retries=own.retries) for name, own in settings.api_limits.items() if own.retries is not None
    }
