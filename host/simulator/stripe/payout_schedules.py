"""When accounts are paid out: their schedule, how long money is pending, and what is to stay in the balance.

A connected account is paid out daily unless its settings say otherwise, as in Stripe; the platform only on request, so
that its balance is there to be used. https://docs.stripe.com/connect/manage-payout-schedule
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime
from typing import Any

from host.simulator.api_error import invalid
from host.simulator.checks import at_least, at_most
from host.simulator.context import Object, RequestContext
from host.simulator.stripe.money import CURRENCIES

DELAY = 2  # business days, the least: https://docs.stripe.com/payouts#payout-speed
BALANCE = "~balance"  # by currency: what is available and pending, of :mod:`host.simulator.stripe.books`
PAY_OUT = "pay_out"  # the action, by currency and clock
_MOST_DELAY = 31
_NOTE = "~balance_settings"  # what the account's object does not show; for the platform everything
_HOME = "usd"  # in which there may be money without any transaction
DAY = 86400  # seconds; time begins on a Thursday, the fourth day of a week of which five are business days
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def payouts(interval: str = "daily") -> Object:
    """The ``settings.payouts`` of an account that has set none."""
    return {
        "debit_negative_balances": True,
        "schedule": {"delay_days": DELAY, "interval": interval},
        "statement_descriptor": None,
    }


def settings_of(call: RequestContext) -> Object:
    """The payout settings of the account that the request is for; ``minimum`` is what stays, by currency."""
    note = call.backend.store.get(_NOTE, _NOTE) or {}
    if call.account:
        account = call.within("").find("account", call.account) or {}
        found: Object = (account.get("settings") or {}).get("payouts") or payouts()
        enabled = bool(account.get("payouts_enabled"))
    else:
        found, enabled = note.get("payouts") or payouts("manual"), True
    rest = {"minimum": note.get("minimum"), "override": note.get("override"), "enabled": enabled}
    return {**found, **rest}


def shown(call: RequestContext) -> Object:
    """The ``settings.payouts`` of the account that the request is for."""
    settings = settings_of(call)
    return {name: settings[name] for name in ("debit_negative_balances", "schedule", "statement_descriptor")}


def delay_of(call: RequestContext) -> int:
    """For how many business days the account's money is pending."""
    if not call.account and call.backend.store.record(_NOTE, _NOTE) is None:
        return DELAY
    settings = settings_of(call)
    return int(settings["override"] or settings["schedule"]["delay_days"])


def settle(call: RequestContext, account: Object, params: Object) -> None:
    """Check and complete the payout schedule of a connected account that the parameters changed."""
    given: Any = ((params.get("settings") or {}).get("payouts") or {}).get("schedule")
    if not given:
        return
    path = "settings[payouts][schedule]"
    schedule = account["settings"]["payouts"]["schedule"]
    _complete(schedule, given, path)
    if given.get("delay_days") == "minimum":
        schedule["delay_days"] = DELAY
    _check_delay(int(schedule["delay_days"]), f"{path}[delay_days]")


def _check_delay(days: int, param: str) -> None:
    if days < DELAY:
        raise at_least(param, str(DELAY))
    if days > _MOST_DELAY:
        raise at_most(param, str(_MOST_DELAY))


def _complete(schedule: Object, given: Object, path: str) -> None:
    """Keep the days of the schedule's interval only; without any, a weekly or monthly one is refused."""
    interval = schedule["interval"]
    for name in ("weekly", "monthly"):
        anchor, days = f"{name}_anchor", f"{name}_payout_days"
        if interval != name:
            for key in (anchor, days):
                if given.get(key) is not None:
                    raise invalid(f"{key} is for an interval of {name}, which is {interval}.", f"{path}[{key}]")
            schedule.update({key: None for key in (anchor, days) if key in schedule})
        elif given.get(days):
            schedule.update({days: list(given[days]), anchor: given[days][0]})
        elif given.get(anchor) is not None:
            schedule.update({days: [given[anchor]], anchor: given[anchor]})
        elif not schedule.get(days):
            raise invalid(f"A {name} schedule needs {days}.", f"{path}[{days}]", "parameter_missing")
    for day in schedule.get("monthly_payout_days") or ():
        if not 1 <= day <= 31:
            raise invalid("A day of the month is from 1 to 31.", f"{path}[monthly_payout_days]")


def next_time(schedule: Object, now: int) -> int:
    """The next midnight UTC, ``now`` included, on which an account of that schedule is paid out."""
    day = -(-now // DAY)
    while not _is_payday(schedule, datetime.fromtimestamp(day * DAY, UTC)):
        day += 1
    return day * DAY


def _is_payday(schedule: Object, day: datetime) -> bool:
    if schedule["interval"] == "weekly":
        return _WEEK[day.weekday()] in schedule["weekly_payout_days"]
    if schedule["interval"] == "monthly":
        last = calendar.monthrange(day.year, day.month)[1]
        return day.day in {min(wanted, last) for wanted in schedule["monthly_payout_days"]}
    return day.weekday() < 5


def plan(call: RequestContext, currency: str) -> None:
    """Let the available balance in ``currency`` be paid out at the next time of the schedule, if it has any."""
    schedule = settings_of(call)["schedule"]
    if schedule["interval"] != "manual":  # each clock has an entry of its own
        call.backend.agenda.add(call, next_time(schedule, call.now), PAY_OUT, f"{currency} {call.clock}")


def plan_all(call: RequestContext) -> None:
    """The same for all currencies, after the account's settings or bank accounts changed."""
    for currency in sorted({_HOME, *(str(balance["currency"]) for balance in call.backend.store.each(BALANCE))}):
        plan(call, currency)


def retrieve(call: RequestContext) -> Object:
    """Retrieve the balance settings. https://docs.stripe.com/api/balance-settings"""
    settings = settings_of(call)
    schedule = settings["schedule"]
    days = {name: schedule[name] for name in ("monthly_payout_days", "weekly_payout_days") if schedule.get(name)}
    timing: Object = {"delay_days": delay_of(call), "start_of_day": None}
    if settings["override"]:
        timing["delay_days_override"] = settings["override"]
    return {
        "object": "balance_settings",
        "payments": {
            "debit_negative_balances": settings["debit_negative_balances"],
            "payouts": {
                **({"minimum_balance_by_currency": settings["minimum"]} if settings["minimum"] else {}),
                "schedule": {"interval": schedule["interval"], **days},
                "statement_descriptor": settings["statement_descriptor"],
                "status": "enabled" if settings["enabled"] else "disabled",
            },
            "settlement_timing": timing,
        },
    }


def update(call: RequestContext) -> Object:
    """Update the balance settings, of which those for payouts are also the account's."""
    given: Any = call.params.get("payments") or {}
    settings, of_payouts = settings_of(call), given.get("payouts") or {}
    own = shown(call)
    if "debit_negative_balances" in given:
        own["debit_negative_balances"] = given["debit_negative_balances"]
    if "statement_descriptor" in of_payouts:
        own["statement_descriptor"] = of_payouts["statement_descriptor"] or None
    if schedule := of_payouts.get("schedule"):
        own["schedule"] = {**own["schedule"], "interval": schedule.get("interval", own["schedule"]["interval"])}
        _complete(own["schedule"], schedule, "payments[payouts][schedule]")
    note: Object = {"minimum": settings["minimum"], "override": settings["override"]}
    if "minimum_balance_by_currency" in of_payouts:
        changed = of_payouts["minimum_balance_by_currency"]  # a map, or ``None``, which unsets it
        _check_minimum(changed or {})
        kept = {**(note["minimum"] or {}), **changed} if changed else {}
        note["minimum"] = {name: amount for name, amount in kept.items() if amount is not None} or None
    timing = given.get("settlement_timing") or {}
    if "delay_days_override" in timing:
        note["override"] = timing["delay_days_override"] or None
        if note["override"]:
            _check_delay(note["override"], "payments[settlement_timing][delay_days_override]")
    _keep(call, note, own)
    plan_all(call)
    return retrieve(call)


def _check_minimum(amounts: Object) -> None:
    for currency, amount in amounts.items():
        path = f"payments[payouts][minimum_balance_by_currency][{currency}]"
        if currency not in CURRENCIES:
            raise invalid(f"Invalid currency: {currency}.", path)
        if amount is not None and amount < 0:
            raise at_least(path, "0")


def _keep(call: RequestContext, note: Object, own: Object) -> None:
    if not call.account:
        call.backend.store.put(_NOTE, _NOTE, {**note, "payouts": own})
        return
    call.backend.store.put(_NOTE, _NOTE, note)
    home = call.within("")
    account = home.load("account", call.account)
    account["settings"] = {**(account.get("settings") or {}), "payouts": own}
    home.save("account", account)


BEHAVIOURS = {"balance_settings.retrieve": retrieve, "balance_settings.update": update}
