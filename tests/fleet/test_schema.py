"""The fleet's tables are made once, brought up from each earlier version, and left alone if they are of a later one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from host import JournalError
from host.durable.journal import Journal
from host.durable.records import VERSION
from host.fleet import schema
from host.fleet.database import FleetDatabase
from tests.fleet.machines import rows

COLUMNS = (
    "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns "
    "WHERE table_schema = 'public' AND table_name LIKE 'luahost%' ORDER BY 1, 2"
)


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as found:
        yield found


def test_many_machines_make_the_tables_at_once(url: str) -> None:
    """Those that come first at the same moment all find them whole."""
    with ThreadPoolExecutor(6) as pool:
        for each in pool.map(lambda _: FleetDatabase(url), range(6)):
            each.close()
    assert rows(url, "SELECT version FROM luahost_fleet_version") == [(schema.VERSION,)]


@pytest.mark.parametrize("version", range(1, schema.VERSION + 1))
def test_tables_of_each_version_are_brought_up(
    version: int, connection: psycopg.Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first one on, with what is in them; afterwards they are as those made anew."""
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "VERSION", version)
        schema.prepare(connection)
    rows(url, "INSERT INTO luahost_text (sha256, text) VALUES ('a', 'b')")
    schema.prepare(connection)
    assert rows(url, "SELECT version FROM luahost_fleet_version") == [(schema.VERSION,)]
    assert rows(url, "SELECT sha256, text FROM luahost_text") == [("a", b"b")]
    found = rows(url, COLUMNS)
    for (table,) in rows(url, "SELECT tablename FROM pg_tables WHERE tablename LIKE 'luahost%'"):
        rows(url, f"DROP TABLE {table}")
    schema.prepare(connection)
    assert rows(url, COLUMNS) == found


@pytest.mark.parametrize("first", ["journal", "fleet", "both at once"])
def test_the_journal_and_the_fleet_share_what_runs_printed(first: str, url: str) -> None:
    """Whoever comes first makes the table that both have."""
    made = [lambda: Journal.open(url), lambda: FleetDatabase(url)]
    with ThreadPoolExecutor(1 if first != "both at once" else 6) as pool:
        order = made if first == "journal" else made[::-1] if first == "fleet" else made * 3
        for each in pool.map(lambda make: make(), order):
            each.close()
    assert rows(url, "SELECT count(*) FROM luahost_output") == [(0,)]
    assert rows(url, "SELECT version FROM luahost_fleet_version") == [(schema.VERSION,)]
    assert rows(url, "SELECT version FROM luahost_version") == [(VERSION,)]


def test_the_first_version_stays_what_it_was() -> None:
    """A change of the tables is a version of its own: what the first one made is in databases already."""
    import hashlib

    made = hashlib.sha256("\n".join(schema.CHANGES[1]).encode()).hexdigest()
    assert (sorted(schema.CHANGES), made[:16]) == (list(range(1, schema.VERSION + 1)), "75d0193091ede558")


def test_tables_of_a_later_version_are_left_alone(connection: psycopg.Connection, url: str) -> None:
    """An older program says that it is too old."""
    schema.prepare(connection)
    rows(url, "UPDATE luahost_fleet_version SET version = %s", schema.VERSION + 1)
    with pytest.raises(JournalError, match="later version"):
        FleetDatabase(url)
