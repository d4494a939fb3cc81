"""Schedules: the times of cron expressions in a zone; each due once, whoever submits it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from host import Host, UsageError
from host.fleet.fleet import Placing
from host.fleet.schedules import Cron, remove, schedules, submit_due
from host.run.options import RunOptions
from host.run.script import Script
from tests.fleet.machines import rows, until, working


def times(cron: str, zone: str, start: str, number: int) -> list[str]:
    found, now = [], datetime.fromisoformat(start).timestamp()
    for _ in range(number):
        now = Cron(cron, zone).after(now)
        found.append(f"{datetime.fromtimestamp(now, UTC):%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("cron", "zone", "start", "expected"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00Z", ["03-28 01:30", "03-29 01:00", "03-30 00:30"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", ["10-25 00:30", "10-26 01:30", "10-27 01:30"]),
        ("0 * * * *", "Europe/Berlin", "2026-10-24T23:30Z", ["10-25 00:00", "10-25 01:00", "10-25 02:00"]),
        ("*/30 * * * *", "America/New_York", "2026-11-01T05:15Z", ["11-01 05:30", "11-01 06:00", "11-01 06:30"]),
        ("0 9 * * 1-5", "UTC", "2026-03-06T09:00Z", ["03-09 09:00", "03-10 09:00", "03-11 09:00"]),
        ("*/15 2 * * *", "Europe/Berlin", "2026-03-28T02:00Z", ["03-29 01:00", "03-30 00:00", "03-30 00:15"]),
        ("*/30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", ["10-25 00:00", "10-25 00:30", "10-26 01:00"]),
        ("0 0 * * *", "Africa/Cairo", "2026-04-23T12:00Z", ["04-23 22:00", "04-24 21:00", "04-25 21:00"]),
        ("@daily", "America/Havana", "2026-10-31T12:00Z", ["11-01 04:00", "11-02 05:00", "11-03 05:00"]),
        ("@hourly", "America/Havana", "2026-11-01T03:30Z", ["11-01 04:00", "11-01 05:00", "11-01 06:00"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00Z", ["10-03 15:30", "10-04 15:15", "10-05 15:15"]),
        ("@daily", "Asia/Kolkata", "2026-03-06T00:00Z", ["03-06 18:30", "03-07 18:30", "03-08 18:30"]),
    ],
)
def test_the_times_of_an_expression(cron: str, zone: str, start: str, expected: list[str]) -> None:
    """By the zone's clocks; a time they show twice counts once, one they leave out is not left out."""
    assert times(cron, zone, start, 3) == expected


@pytest.mark.parametrize(
    "cron", ["", "* * *", "61 * * * *", "* * * * * *", "a b c d e", "0 0 31 2 *", "R 1 * * *", "r(0-9) 1 * * *"]
)
def test_what_is_no_expression_is_refused(cron: str) -> None:
    """Also one with seconds, and one that is never due."""
    with pytest.raises(UsageError, match=r"cron expression|never due"):
        Cron(cron, "UTC")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "CEST1"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    """With what was expected."""
    with pytest.raises(UsageError, match="no time zone"):
        Cron("* * * * *", zone)


def test_each_time_is_submitted_once_whoever_sees_it(host: Host, url: str) -> None:
    """Times that passed while no worker was there are all submitted, by many at the same moment, each once."""
    script = Script.of("return 'ran'")
    host.fleet.schedule(script, RunOptions(), Placing(priority=3), name="nightly", cron="*/5 * * * *", zone="UTC")
    rows(url, "UPDATE luahost_schedule SET next = date_trunc('hour', now()) - interval '30 minutes'")
    with ThreadPoolExecutor(4) as pool:
        assert not any(pool.map(lambda _: submit_due(host.fleet.database), range(8)))
    found = rows(url, "SELECT id, tick, priority FROM luahost_job ORDER BY tick")
    assert len(found) == len({tick for _, tick, _ in found}) >= 7
    assert {priority for *_, priority in found} == {3}
    assert all(id == f"nightly.{tick.astimezone(UTC):%Y%m%dT%H%M%SZ}" for id, tick, _ in found)
    assert rows(url, "SELECT next > now() FROM luahost_schedule") == [(True,)]
    assert rows(url, "SELECT count(*) FROM procrastinate_jobs") == [(len(found),)]
    with working(host):
        assert host.fleet.handle(found[0][0]).result(20).value == "ran"
    rows(url, "UPDATE luahost_schedule SET next = date_trunc('hour', now()) - interval '30 minutes'")
    submit_due(host.fleet.database)
    ((again,),) = rows(url, "SELECT count(*) FROM luahost_job")
    assert again <= len(found) + 1, "a failover finds the same times again, and submits none twice"


def test_a_schedule_that_one_machine_cannot_read_is_left_to_others(host: Host, url: str) -> None:
    """A zone it does not know, or what a later version saved: it says so once, submits the others, and works on."""
    for name in ("moon", "later", "good"):
        host.fleet.schedule(Script.of("return 1"), RunOptions(), Placing(), name=name, cron="0 1 * * *", zone="UTC")
    rows(url, "UPDATE luahost_schedule SET next = now() - interval '1 minute'")
    rows(url, "UPDATE luahost_schedule SET zone = 'Moon/Crater' WHERE name = 'moon'")
    rows(url, "UPDATE luahost_schedule SET run = 'x' WHERE name = 'later'")
    with working(host) as told:
        until(lambda: rows(url, "SELECT 1 FROM luahost_job WHERE status = 'done'"), "the run of the good one")
        assert host.submit("return 2").result(20).value == 2
        rows(url, "UPDATE luahost_schedule SET zone = 'UTC' WHERE name = 'moon'")
        until(lambda: rows(url, "SELECT 1 FROM luahost_job WHERE schedule = 'moon'"), "what was put right")
    assert len([line for line in told if line.startswith("schedule moon is left to other workers")]) == 1
    assert len([line for line in told if line.startswith("schedule later is left to other workers")]) == 1
    assert rows(url, "SELECT count(*) FROM luahost_job WHERE schedule = 'later'") == [(0,)]


def test_a_schedule_is_replaced_and_removed_by_its_name(host: Host) -> None:
    """The same name is one schedule."""
    for cron in ("0 1 * * *", "0 2 * * *"):
        host.fleet.schedule(Script.of("return 1", "a.lua"), RunOptions(), Placing(), name="n", cron=cron, zone="UTC")
    [found] = schedules(host.fleet.database)
    assert (found.name, found.cron, found.script) == ("n", "0 2 * * *", "a.lua")
    assert remove(host.fleet.database, "n")
    assert not remove(host.fleet.database, "n")
    assert schedules(host.fleet.database) == []
