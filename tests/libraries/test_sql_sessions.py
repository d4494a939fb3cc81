"""Nothing a run does to a database's connection meets the next run, and rows are weighed as they come."""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host import Host, Permissions, RunResult
from host.libraries.sql import rows
from host.libraries.sql.statement import bound
from tests.libraries.postgres import postgres, programs

Script = Callable[..., RunResult]


@pytest.fixture
def script() -> Iterator[Script]:
    """``script(code, sql=URL)``: a run, all of them of one host for each database; ``read_only`` of this run only."""
    with contextlib.ExitStack() as stack:
        hosts: dict[str, Host] = {}

        def run(code: str, *, sql: str, read_only: bool = False, check: bool = True) -> RunResult:
            if sql not in hosts:
                granted = Permissions(sql=[sql])
                hosts[sql] = stack.enter_context(Host(simulate=True, permissions=granted, request_deadline=300.0))
            narrowed = Permissions(read_only=True) if read_only else None
            result = hosts[sql].run_source(code, permissions=narrowed)
            if check:
                result.raise_for_error()
            return result

        yield run


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgres(found) as url:
        yield url


@pytest.fixture
def shop(server: str) -> str:
    """A database on a server with one table, whose only connection in the pool each run gets in turn."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")
        connection.execute("create table accounts (owner text, iban text)")
        connection.execute("insert into accounts values ('alice', 'REAL')")
        connection.execute("create sequence numbers")
    return server


@pytest.fixture
def file(tmp_path: Path, script: Script) -> str:
    """The same in a file."""
    url = f"sqlite:///{tmp_path}/shop.sqlite"
    script(
        "sql.execute('create table accounts (owner text, iban text)')"
        "sql.execute([[insert into accounts values ('alice', 'REAL')]])",
        sql=url,
    )
    return url


FORGED = "select 'alice' as owner, 'FORGED' as iban"
TEMPORARY = {
    "table": f"create temp table accounts as {FORGED}",
    "view": f"create temp view accounts as {FORGED}",
    "in its schema": f"create table {{schema}}.accounts as {FORGED}",
}
SQLITE_ONLY = {
    "trigger": "create temp trigger t after insert on accounts begin update accounts set iban = 'FORGED'; end",
    "virtual": "create virtual table temp.accounts using fts5(owner, iban)",
}
LOOK = "return sql.query('select iban from accounts')"
REAL = [{"iban": "REAL"}]


@pytest.mark.parametrize("how", ["alone", "committed", "rolled back", "exit"])
@pytest.mark.parametrize("what", TEMPORARY)
@pytest.mark.parametrize("database", ["shop", "file"])
def test_temporary_objects_stay_with_their_run(
    script: Script, request: pytest.FixtureRequest, database: str, what: str, how: str
) -> None:
    """A table of the same name in front of the real one: the next run, which may only read, sees the real one."""
    url = request.getfixturevalue(database)
    statement = TEMPORARY[what].format(schema="temp" if database == "file" else "pg_temp")
    code = {
        "alone": "sql.execute([[{}]])",
        "committed": "sql.transaction(function(tx) tx.execute([[{}]]) end)",
        "rolled back": "sql.transaction(function(tx) tx.execute([[{}]]) error('x') end)",
        "exit": "sql.transaction(function(tx) tx.execute([[{}]]) os.exit(0) end)",
    }[how].format(statement)
    first = script(code, sql=url, check=False)
    if database == "file" and how == "alone":
        assert first.error is not None
        assert first.error.kind == "denied"
        assert "make them in sql.transaction" in str(first.error)
    for _ in range(3):
        assert script(LOOK, sql=url, read_only=True).value == REAL


@pytest.mark.parametrize("what", SQLITE_ONLY)
def test_sqlite_keeps_nothing_else_in_its_temporary_schema(script: Script, file: str, what: str) -> None:
    """A trigger on the real table, a virtual table: refused alone, gone after a transaction."""
    alone = script(f"sql.execute([[{SQLITE_ONLY[what]}]])", sql=file, check=False)
    assert alone.error is not None
    script(f"sql.transaction(function(tx) tx.execute([[{SQLITE_ONLY[what]}]]) end)", sql=file)
    script("sql.execute([[insert into accounts values ('bob', 'OTHER')]])", sql=file)
    assert script(LOOK, sql=file, read_only=True).value == [*REAL, {"iban": "OTHER"}]


def test_a_transaction_can_use_what_is_temporary(script: Script, request: pytest.FixtureRequest) -> None:
    """There it is of use, and there it is allowed; a database in memory, which is one connection, refuses it."""
    code = """return sql.transaction(function(tx)
      tx.execute("create temp table heap (x integer)") tx.execute("insert into heap values (1), (2)")
      return tx.query("select sum(x) as s from heap")[1].s
    end)"""
    for database in ("shop", "file"):
        assert int(script(code, sql=request.getfixturevalue(database)).value) == 3
    refused = script(code, sql="sqlite://", check=False)
    assert refused.error is not None
    assert "in memory needs none" in str(refused.error)


# What a session of PostgreSQL keeps: what leaves it, and what the next run would see of it.
KEPT = {
    "setting": (
        "select set_config('my.own', 'left', false)",
        "select coalesce(current_setting('my.own', true), '') as x",
    ),
    "search path": ("select set_config('search_path', 'pg_catalog', false)", "select current_schema() as x"),
    "zone": ("do $$ begin execute 'set time zone ''Asia/Tokyo'''; end $$", "select current_setting('timezone') as x"),
    "role": ("do $$ begin execute 'set role pg_monitor'; end $$", "select current_user::text as x"),
    "lock": ("select pg_advisory_lock(42)", "select count(*) as x from pg_locks where locktype = 'advisory'"),
    "statement": (
        "do $$ begin execute 'prepare mine as select 1'; end $$",
        "select count(*) as x from pg_prepared_statements where name = 'mine'",
    ),
    "sequence": ("select nextval('numbers')", "select lastval() as x"),
    "cursor": (
        "do $$ begin execute 'declare c cursor with hold for select 1'; end $$",
        "select count(*) as x from pg_cursors where name = 'c'",
    ),
    "channel": ("do $$ begin execute 'listen news'; end $$", "select count(*) as x from pg_listening_channels()"),
}


@pytest.mark.parametrize("call", ["query", "execute", "transaction"])
@pytest.mark.parametrize("kept", KEPT)
def test_a_session_is_as_it_was(script: Script, shop: str, kept: str, call: str) -> None:
    """What a run sees of its session is the same before and after another one changed its own."""
    leave, look = KEPT[kept]
    seen = f"local ok, rows = pcall(sql.query, [[{look}]]) return ok and rows or tostring(rows)"
    before = script(seen, sql=shop, read_only=True).value
    done = "sql.transaction(function(tx) tx.execute([[{}]]) end)" if call == "transaction" else f"sql.{call}([[{{}}]])"
    for _ in range(2):
        script(done.format(leave), sql=shop, check=False)
    for _ in range(3):
        assert script(seen, sql=shop, read_only=True).value == before


def test_no_statement_takes_the_place_of_the_host_s_own(script: Script, shop: str) -> None:
    """A script that prepares others under the driver's names: what the host says itself is not prepared."""
    forge = "execute 'prepare _pg3_' || n || ' as select ''alice'' as owner, ''FORGED'' as iban'"
    script(
        f"""for _ = 1, 3 do sql.query('select 1') end
        sql.execute([[do $$ begin execute 'deallocate all'; for n in 0..200 loop {forge}; end loop; end $$]])""",
        sql=shop,
        check=False,
    )
    assert script(LOOK, sql=shop).value == REAL
    code = "sql.transaction(function(tx) tx.execute([[{}]]) tx.execute([[delete from accounts]]) error('x') end)"
    do = f"do $$ begin execute 'deallocate all'; for n in 0..200 loop {forge}; end loop; end $$"
    script(code.format(do), sql=shop, check=False)
    assert script(LOOK, sql=shop).value == REAL


@pytest.mark.parametrize("function", ["last_insert_rowid", "changes", "total_changes"])
def test_sqlite_does_not_tell_of_another_s_statement(script: Script, file: str, function: str) -> None:
    """What a connection did last was another run's; in a transaction that wrote, it is one's own."""
    for call in ("query", "execute"):
        result = script(f"sql.{call}('select {function}()')", sql=file, check=False)
        assert result.error is not None
        assert "another run's statement" in str(result.error)
    code = """return sql.transaction(function(tx)
      local early = pcall(tx.query, "select {f}() as x")
      tx.execute("insert into accounts values ('bob', 'x')")
      return {{early, tx.query("select {f}() as x")[1].x > 0}}
    end)"""
    assert script(code.format(f=function), sql=file).value == [False, True]


STREAMED = {
    "select 1": True,
    "/* x */ values (1)": True,
    "with x as (select 1) select * from x": True,
    "insert into t values (1) returning id": True,
    "delete from t returning 'into'": True,
    "select 'into' as \"into\" from t": True,
    "select 1 into t": False,
    "with x as (delete from t returning 1) select * from x": False,
    "insert into t values ('returning')": False,
    "update t set a = 1": False,
    "do $$ begin end $$": False,
    "explain select 1": False,
}


def test_what_surely_gives_rows_is_read_row_by_row(script: Script, shop: str) -> None:
    """And what does not is still done, once, and told with how many it changed."""
    assert {text: bound(text, None, "format")[2].certainly_give_rows for text in STREAMED} == STREAMED
    code = """
    local a = sql.execute("insert into accounts values ('bob', 'B'), ('carol', 'C') returning owner")
    local b = sql.execute([[with x as (delete from accounts where owner = 'bob' returning 1)
      update accounts set iban = 'D' where owner = 'carol']])
    local c = sql.execute("select owner into copy from accounts")
    local d = sql.execute("select owner from copy order by owner")
    return {a.affected, #a.rows, b.affected, c.affected, d.rows, sql.query("explain select 1")[1] ~= nil}
    """
    made, told, updated, copied, found, explained = script(code, sql=shop).value
    assert (made, told, updated, copied, explained) == (2, 2, 1, 2, True)
    assert found == [{"owner": "alice"}, {"owner": "carol"}]


SERIES = {
    "file": "with recursive c(x) as (select 1 union all select x + 1 from c where x < {n}) select {what} from c",
    "shop": "select {what} from generate_series(1, {n}) as c(x)",
}
BIG = {"file": "hex(zeroblob(1000000)) || x", "shop": "repeat('x', 2000000) || x"}


@pytest.mark.parametrize("call", ["query", "execute"])
@pytest.mark.parametrize("database", ["shop", "file"])
def test_rows_are_weighed_as_they_come(
    script: Script, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, database: str, call: str
) -> None:
    """Of a million rows, of values and of bytes: it stops at the first too many, none of the rest is held."""
    url = request.getfixturevalue(database)
    monkeypatch.setattr(rows, "MOST_ROWS", 5000)
    monkeypatch.setattr(rows, "MOST_VALUES", 8000)
    monkeypatch.setattr(rows, "MOST_BYTES", 10_000_000)
    series = SERIES[database]
    for n, what, said in (
        (1_000_000, "x", "5,000 rows"),
        (1_000_000, "x, x as y, x as z", "8,000 values"),
        (1000, BIG[database], "9 MB"),
    ):
        tracemalloc.start()
        code = f"return sql.{call}([[{series.format(n=n, what=what)}]])"
        result = script(code, sql=url, check=False)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert result.error is not None
        assert result.error.kind == "limit"
        assert said in str(result.error)
        assert most < 40_000_000
    script("sql.execute([[insert into accounts values ('bob', 'B')]])", sql=url)
    assert script("return #sql.query('select * from accounts')", sql=url).value == 2


def test_returned_rows_are_weighed_too(script: Script, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """RETURNING of a change that is more than a script may have: it is undone, and the database free."""
    monkeypatch.setattr(rows, "MOST_ROWS", 100)
    fill: Any = "insert into accounts " + SERIES["file"].format(n=1000, what="'a', x").removesuffix(" from c")
    script(f"sql.execute([[{fill} from c]])", sql=file)
    result = script("sql.execute('update accounts set iban = 1 returning owner')", sql=file, check=False)
    assert result.error is not None
    assert result.error.kind == "limit"
    script("sql.execute([[delete from accounts]])", sql=file)
