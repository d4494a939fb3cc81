"""The rows of reports about the balance of payments. https://docs.stripe.com/reports/report-types/balance

Amounts are in major units, and times in the form ``YYYY-MM-DD HH:MM:SS``, in UTC or the requested time zone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from host.simulator.context import Object, RequestContext
from host.simulator.stripe.books import OPENING
from host.simulator.stripe.money import decimals
from host.simulator.stripe.report_sources import ReportSource

_PAYOUTS = frozenset({"payout", "payout_reversal"})
_KEYED = re.compile(r"(payment|refund|transfer)_metadata\[([^\[\]]+)\]")


class ReportType(NamedTuple):
    """A type of report: the columns it can have, its default ones, and whether its rows are payouts or everything else,
    itemized or added up.
    """

    id: str
    name: str
    columns: tuple[str, ...]
    defaults: tuple[str, ...]
    payouts: bool = False
    itemized: bool = False

    def computes(self, column: str) -> bool:
        """Whether the report can have a column of that name."""
        keyed = self.itemized and not self.payouts and _KEYED.fullmatch(column) is not None
        return column in self.columns or keyed


_SUMS = ("reporting_category", "currency", "count", "gross", "fee", "net")
_BALANCE = ("category", "description", "net_amount", "currency")
_ITEM = (
    "balance_transaction_id",
    "created",
    "available_on",
    "currency",
    "gross",
    "fee",
    "net",
    "reporting_category",
    "description",
)


def rows_of(call: RequestContext, report: ReportType, given: Object, columns: list[str]) -> Iterator[Object]:
    """The rows of a report, each by column; ``given`` are the parameters of the run."""
    entries = [
        entry
        for entry in reversed(list(call.backend.store.each("balance_transaction")))  # oldest first
        if entry["balance_type"] == "payments"
        and entry["created"] < given["interval_end"]
        and given["currency"] in (None, entry["currency"])
    ]
    if report.id == "balance.summary.1":
        return _balance(call, entries, given)
    inside = [
        entry
        for entry in entries
        if entry["created"] >= given["interval_start"]
        and (entry["reporting_category"] in _PAYOUTS) == report.payouts
        and given["reporting_category"] in (None, entry["reporting_category"])
    ]
    if not report.itemized:
        return _sums(inside)
    zone = _zone(given)
    return (_item(call, entry, columns, zone) for entry in inside)


def _zone(given: Object) -> tzinfo:
    return ZoneInfo(given["timezone"]) if given["timezone"] else UTC


def _balance(call: RequestContext, entries: list[Object], given: Object) -> Iterator[Object]:
    """For each currency: the starting balance, the activity, the payouts, and the ending balance."""
    start, zone = given["interval_start"], _zone(given)
    opening = {} if call.account else OPENING
    currencies = {entry["currency"] for entry in entries} | {
        name for name in opening if given["currency"] in (None, name)
    }
    for currency in sorted(currencies):
        own = [entry for entry in entries if entry["currency"] == currency]
        before = opening.get(currency, 0) + sum(entry["net"] for entry in own if entry["created"] < start)
        inside = [entry for entry in own if entry["created"] >= start]
        paid = sum(entry["net"] for entry in inside if entry["reporting_category"] in _PAYOUTS)
        moved = sum(entry["net"] for entry in inside) - paid
        for category, description, amount in (
            ("starting_balance", f"Starting balance ({_day(start, zone)})", before),
            ("activity", "Activity", moved),
            ("payouts", "Total payouts", paid),
            ("ending_balance", f"Ending balance ({_day(given['interval_end'] - 1, zone)})", before + moved + paid),
        ):
            shown = major(amount, currency)
            yield {"category": category, "description": description, "net_amount": shown, "currency": currency}


def _sums(entries: list[Object]) -> Iterator[Object]:
    groups: dict[tuple[str, str], list[Object]] = {}
    for entry in entries:
        groups.setdefault((entry["reporting_category"], entry["currency"]), []).append(entry)
    for (category, currency), found in sorted(groups.items()):
        sums = {name: sum(entry[member] for entry in found) for name, member in _AMOUNTS.items()}
        amounts = {name: major(amount, currency) for name, amount in sums.items()}
        yield {"reporting_category": category, "currency": currency, "count": len(found), **amounts}


_AMOUNTS = {"gross": "amount", "fee": "fee", "net": "net"}


def major(amount: int, currency: str) -> str:
    """An amount in minor units as a text in major units: ``1050, "usd"`` → ``10.50``."""
    places = decimals(currency)
    return str(Decimal(amount).scaleb(-places)) if places else str(amount)


def _day(at: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d")


def _time(at: int | None, zone: tzinfo) -> str:
    return "" if at is None else datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M:%S")


Cell = Callable[[ReportSource, tzinfo], Any]


def _entry(member: str) -> Cell:
    return lambda source, zone: source.entry[member]


def _money(member: str) -> Cell:
    return lambda source, zone: major(source.entry[member], source.entry["currency"])


def _of(what: str, member: str) -> Cell:
    return lambda source, zone: getattr(source, what).get(member)


def _when(what: str, member: str, *, utc: bool = False) -> Cell:
    return lambda source, zone: _time(getattr(source, what).get(member), UTC if utc else zone)


def _facing(source: ReportSource, zone: tzinfo) -> str:
    shown = source.facing
    return major(shown["amount"], shown["currency"]) if shown else ""


def _reversed(utc: bool) -> Cell:
    def cell(source: ReportSource, zone: tzinfo) -> str:
        is_back = source.entry["reporting_category"] == "payout_reversal"
        return _time(source.entry["created"] if is_back else None, UTC if utc else zone)

    return cell


_SHARED: dict[str, Cell] = {
    "balance_transaction_id": _entry("id"),
    "currency": _entry("currency"),
    "gross": _money("amount"),
    "fee": _money("fee"),
    "net": _money("net"),
    "reporting_category": _entry("reporting_category"),
    "description": _entry("description"),
}
_ACTIVITY: Final[dict[str, Cell]] = {
    **_SHARED,
    "created_utc": _when("entry", "created", utc=True),
    "created": _when("entry", "created"),
    "available_on_utc": _when("entry", "available_on", utc=True),
    "available_on": _when("entry", "available_on"),
    "source_id": _entry("source"),
    "customer_facing_amount": _facing,
    "customer_facing_currency": _of("facing", "currency"),
    "customer_id": _of("customer", "id"),
    "customer_email": _of("customer", "email"),
    "customer_name": _of("customer", "name"),
    "customer_description": _of("customer", "description"),
    "charge_id": _of("charge", "id"),
    "payment_intent_id": _of("intent", "id"),
    "charge_created_utc": _when("charge", "created", utc=True),
    "charge_created": _when("charge", "created"),
    "invoice_id": _of("invoice", "id"),
    "invoice_number": _of("invoice", "number"),
    "subscription_id": lambda source, zone: source.subscription,
    "payment_method_type": lambda source, zone: (source.charge.get("payment_method_details") or {}).get("type"),
    "card_brand": _of("card", "brand"),
    "card_funding": _of("card", "funding"),
    "card_country": _of("card", "country"),
    "dispute_reason": _of("dispute", "reason"),
}
_PAID: Final[dict[str, Cell]] = {
    **_SHARED,
    "payout_id": _of("payout", "id"),
    "effective_at_utc": _when("entry", "created", utc=True),
    "effective_at": _when("entry", "created"),
    "payout_expected_arrival_date": _when("payout", "arrival_date"),
    "payout_status": _of("payout", "status"),
    "payout_reversed_at_utc": _reversed(utc=True),
    "payout_reversed_at": _reversed(utc=False),
    "payout_type": _of("payout", "type"),
    "payout_description": _of("payout", "description"),
    "payout_destination_id": _of("payout", "destination"),
}
_PAYOUT = (
    *("balance_transaction_id", "payout_id", "effective_at", "payout_expected_arrival_date", "payout_status"),
    *("currency", "gross", "fee", "net", "reporting_category", "description"),
)


def _item(call: RequestContext, entry: Object, columns: list[str], zone: tzinfo) -> Object:
    source, cells = ReportSource(call, entry), {**_ACTIVITY, **_PAID}
    row: Object = {}
    for column in columns:
        keyed = _KEYED.fullmatch(column)
        value = source.metadata(keyed[1], keyed[2]) if keyed else cells[column](source, zone)
        row[column] = "" if value is None else value
    return row


TYPES: Final[dict[str, ReportType]] = {
    report.id: report
    for report in (
        ReportType("balance.summary.1", "Balance summary", _BALANCE, _BALANCE),
        ReportType("balance_change_from_activity.summary.1", "Balance change from activity summary", _SUMS, _SUMS),
        ReportType(
            "balance_change_from_activity.itemized.3",
            "Itemized balance change from activity",
            tuple(_ACTIVITY),
            _ITEM,
            itemized=True,
        ),
        ReportType("payouts.summary.1", "Payouts summary", _SUMS, _SUMS, payouts=True),
        ReportType("payouts.itemized.3", "Itemized payouts", tuple(_PAID), _PAYOUT, payouts=True, itemized=True),
    )
}
