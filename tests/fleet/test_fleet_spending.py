"""The budget of a day in the fleet's database: what is given back belongs to the day on which it was spent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from msgspec.structs import replace

pytest.importorskip("psycopg")

from host.bridge.request import Reply
from host.errors import LimitError, NetworkError
from host.fleet.fleet_spending import FleetLedger
from host.policy.budget import Budget
from host.policy.quota import Quota
from tests.fleet.machines import rows


@pytest.fixture
def ledger(database: str) -> Iterator[FleetLedger]:
    found = FleetLedger(database)
    yield found
    found.close()


def test_what_is_given_back_after_midnight_belongs_to_the_day_before(ledger: FleetLedger, database: str) -> None:
    """A call of yesterday that was not sent is taken out of yesterday's sum, and today's stays at its ceiling."""
    quota = Quota(Budget(max_calls=1), "today", ledger)
    reservation = quota.admit("stripe.products.list", False, account="a")
    assert reservation.day is not None
    yesterday = date.fromisoformat(reservation.day) - timedelta(days=1)
    rows(database, "UPDATE luahost_spent SET day = %s", yesterday)
    today = quota.admit("stripe.products.list", False, account="a").day
    assert today is not None
    late = replace(reservation, day=yesterday.isoformat())
    quota.settle(late, Reply(error=NetworkError("refused", outcome="not_sent")))
    found = dict(rows(database, "SELECT day, amount FROM luahost_spent WHERE unit = 'calls'"))
    assert found == {yesterday: 0, date.fromisoformat(today): 1}
    with pytest.raises(LimitError, match="of which 0 are left"):
        quota.admit("stripe.products.list", False, account="a")
