"""The statuses of subscriptions that have ended."""

from __future__ import annotations

from typing import Final

__all__ = ["ENDED"]

ENDED: Final = ("canceled", "incomplete_expired")
"""A subscription stays in these: https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses."""
