"""Durable runs that break off inside a transaction of a database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from host import Permissions, RunResult
from tests.durable.lab import Lab

CODE = """
local out = {}
sql.execute("insert into t (name) values ('before')")
local id = sql.transaction(function(tx)
  local first = tx:execute("insert into t (name) values (?)", {"a"}).last_id
  out[1] = first
  pcall(tx.execute, tx, "insert into t (id) values (?)", {first})
  out[2] = new_product():name("p"):create()
  tx:execute("insert into t (name) values (?)", {"b" .. first})
  out[3] = tx:query("select count(*) as n from t")[1].n
  return first
end)
sql.execute("insert into t (name) values ('after')")
return {out, id}
"""


@pytest.fixture
def shop(tmp_path: Path) -> str:
    path = str(tmp_path / "shop.sqlite")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("create table t (id integer primary key, name text)")
    return path


def rows(shop: str, *change: Any) -> list[str]:
    with closing(sqlite3.connect(shop)) as db, db:
        if change:
            db.execute(*change)
        return [name for (name,) in db.execute("select name from t order by id")]


def with_shop(lab: Lab, shop: str, work: Callable[[Any], RunResult]) -> RunResult:
    with lab.host(permissions=Permissions(sql=(f"sqlite:///{shop}",))) as host:
        return work(host)


def test_broken_off_inside_a_transaction_it_is_whole_in_the_end(lab: Lab, shop: str) -> None:
    """At each record between begin and commit: what the database rolled back is done again, once."""
    whole = with_shop(lab, shop, lambda host: host.run_source(CODE, run_id="r"))
    assert whole.error is None, whole.error
    assert rows(shop) == ["before", "a", "b2", "after"]
    log = lab.sql("SELECT * FROM luahost_record")
    begun, committed = lab.seq("sent", "sql.begin"), lab.seq("sent", "sql.commit")
    assert committed - begun > 6
    for after in range(begun, committed):
        lab.sql("DELETE FROM luahost_record")
        for row in log:
            lab.sql(f"INSERT INTO luahost_record VALUES ({', '.join('?' * len(row))})", *row)
        lab.break_off(after)
        rows(shop, "delete from t where name <> 'before'")  # as the database has it after the process died
        again = with_shop(lab, shop, lambda host: host.resume("r"))
        assert again.error is None, (after, again.error)
        assert again.value == whole.value
        assert rows(shop) == ["before", "a", "b2", "after"], after
        assert lab.made() == 1


def test_a_statement_that_gives_something_else_stops_the_run(lab: Lab, shop: str) -> None:
    """Others have changed the table: the script has acted on an id that is another's now. Changed back, it goes on."""
    with_shop(lab, shop, lambda host: host.run_source(CODE, run_id="r"))
    lab.break_off(lab.seq("answer", "stripe.products.create"))
    rows(shop, "delete from t where name <> 'before'")
    rows(shop, "insert into t (name) values ('other')")
    error = with_shop(lab, shop, lambda host: host.resume("r")).error
    assert error is not None
    assert error.kind == "diverged"
    assert "this statement gave something else: insert into t (name) values (?)" in error.message
    assert rows(shop) == ["before", "other"]
    rows(shop, "delete from t where name = 'other'")
    assert with_shop(lab, shop, lambda host: host.resume("r")).error is None
    assert rows(shop) == ["before", "a", "b2", "after"]


def test_a_commit_in_doubt_waits_for_a_decision(lab: Lab, shop: str) -> None:
    """Sent, without an answer: repeat does the transaction again, after asking."""
    whole = with_shop(lab, shop, lambda host: host.run_source(CODE, run_id="r"))
    lab.break_off(lab.seq("sent", "sql.commit"))
    rows(shop, "delete from t where name <> 'before'")
    error = with_shop(lab, shop, lambda host: host.resume("r")).error
    assert error is not None
    assert error.kind == "in doubt"
    assert "sql.commit" in error.message
    result = with_shop(lab, shop, lambda host: host.resume("r", in_doubt="repeat"))
    assert result.value == whole.value
    assert rows(shop) == ["before", "a", "b2", "after"]


def test_a_transaction_that_was_committed_is_left_alone(lab: Lab, shop: str) -> None:
    """Answered from the journal: its statements are not done again."""
    with_shop(lab, shop, lambda host: host.run_source(CODE, run_id="r"))
    lab.break_off(lab.seq("answer", "sql.commit"))
    rows(shop, "delete from t where name = 'after'")
    assert with_shop(lab, shop, lambda host: host.resume("r")).error is None
    assert rows(shop) == ["before", "a", "b2", "after"]
