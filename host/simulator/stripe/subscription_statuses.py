"""The statuses of subscriptions that have ended, and what an incomplete one can still update."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from host.simulator.api_error import invalid
from host.simulator.context import Object

__all__ = ["ENDED", "check_incomplete"]

ENDED: Final = ("canceled", "incomplete_expired")
"""A subscription stays in these: https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses."""
_OF_INCOMPLETE = frozenset(("cancellation_details", "default_source", "expand", "metadata"))


def check_incomplete(subscription: Object, names: Collection[str]) -> None:
    """Refuse what cannot be updated before the first invoice is paid; ``names`` are parameters.

    https://docs.stripe.com/api/subscriptions/object#subscription_object-status
    """
    if subscription["status"] == "incomplete" and not _OF_INCOMPLETE.issuperset(names):
        name = min(set(names) - _OF_INCOMPLETE)
        raise invalid("An incomplete subscription can only have metadata and default_source updated.", name)
