"""Billing periods, which repeat from an anchor. https://docs.stripe.com/billing/subscriptions/billing-cycle"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from typing import Any

from host.simulator.api_error import invalid

DAY = 86400
_DAYS = {"day": 1, "week": 7}
_MEAN = {"day": DAY, "week": 7 * DAY, "month": 30.44 * DAY, "year": 365.25 * DAY}


def later(start: int, interval: str, count: int = 1) -> int:
    """The time ``count`` intervals (day, week, month, year) after ``start``, in UTC, on the same day of the month or,
    if the month is shorter, on its last day.
    """
    if interval in _DAYS:
        return start + count * _DAYS[interval] * DAY
    at = datetime.fromtimestamp(start, UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + count * (12 if interval == "year" else 1), 12)
    first = at.replace(year=year, month=month + 1, day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return int(first.replace(day=min(at.day, (following - first).days)).timestamp())


def next_end(anchor: int, recurring: dict[str, Any], at: int) -> int:
    """The first end of a period after ``at``. It is counted from ``anchor``, so the 31st is not lost after February."""
    interval, count = recurring["interval"], recurring["interval_count"]
    n = int((at - anchor) / (_MEAN[interval] * count)) - 1
    while (end := later(anchor, interval, n * count)) <= at:
        n += 1
    return end


def previous_end(anchor: int, recurring: dict[str, Any], end: int) -> int:
    """The end of the period before the one that ends at ``end``."""
    interval, count = recurring["interval"], recurring["interval_count"]
    n = int((end - anchor) / (_MEAN[interval] * count)) + 1
    while (start := later(anchor, interval, n * count)) >= end:
        n -= 1
    return start


def shortest(items: list[dict[str, Any]]) -> dict[str, Any]:
    """The ``recurring`` of the subscription item that comes round first."""
    every: list[dict[str, Any]] = [item["price"]["recurring"] for item in items]
    return min(every, key=lambda recurring: _MEAN[recurring["interval"]] * recurring["interval_count"])


def configured_anchor(now: int, config: dict[str, Any]) -> int:
    """The next time that a ``billing_cycle_anchor_config`` describes; in a shorter month on its last day."""
    at = datetime.fromtimestamp(now, UTC)
    clock = {name: config[name] if config.get(name) is not None else getattr(at, name) for name in _CLOCK}
    year, month = at.year, at.month
    while True:
        if not config.get("month") or config["month"] == month:
            day = min(config["day_of_month"], calendar.monthrange(year, month)[1])
            found = int(datetime(year, month, day, **clock, tzinfo=UTC).timestamp())
            if found > now:
                return found
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


_CLOCK = ("hour", "minute", "second")


def check_period(period: dict[str, Any] | None, path: str) -> None:
    """Refuse a period (``start``, ``end``) that ends before it starts; ``path`` is the parameter it is in.

    https://docs.stripe.com/api/invoiceitems/create#create_invoiceitem-period
    """
    if period and period["end"] < period["start"]:
        raise invalid("The period must not end before it starts.", f"{path}[end]")


def day_of(at: int) -> str:
    """A date as in the descriptions of prorations: ``01 Feb 2027``."""
    return f"{datetime.fromtimestamp(at, UTC):%d %b %Y}"
