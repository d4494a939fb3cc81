"""sql.*: statements, values, transactions, limits and grants, on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host import RunResult
from host.errors import InvalidCall
from host.libraries.sql import statement as statements
from host.libraries.sql.statement import bound
from tests.libraries.postgres import postgres, programs

Script = Callable[..., RunResult]
ENDLESS = "with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgres(found) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop.sqlite"
    import psycopg

    found: str = request.getfixturevalue("postgres_url")
    with psycopg.connect(found, autocommit=True, options="-c lock_timeout=10s") as connection:
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")
    return found


def error_of(result: RunResult) -> Any:
    assert result.error is not None, result.value
    return result.error


TABLE = "sql.execute('create table t (id integer primary key, name text, price double precision, data {blob})')\n"


def table(url: str) -> str:
    return TABLE.format(blob="blob" if url.startswith("sqlite") else "bytea")


def test_rows_come_as_tables_and_values_are_bound(script: Script, url: str) -> None:
    """Numbers, texts, bytes and null cross both ways, by place and by name, and never as text of the
    statement."""
    code = (
        table(url)
        + """
    local values = {1, "O'Neil; drop table t --", 2.5, "\\0\\255"}
    local one = sql.execute("insert into t values (?, ?, ?, ?)", values)
    sql.execute("insert into t (id, name) values (:id, :name)", {id=2, name=json.null})
    local rows = sql.query("select * from t where id >= ? order by id", {1})
    return {one.affected, rows, #rows, sql.query("select count(*) as n from t where name is null")[1].n}
    """
    )
    affected, rows, count, nulls = script(code, sql=url).value
    assert (affected, count, nulls) == (1, 2, 1)
    assert rows[0] == {"id": 1, "name": "O'Neil; drop table t --", "price": 2.5, "data": b"\0\xff"}
    assert rows[1] == {"id": 2}


def test_sqlite_gives_the_last_id_and_both_return_rows(script: Script, url: str) -> None:
    """execute gives affected rows, the rows of RETURNING, and SQLite's last id."""
    code = (
        table(url)
        + """
    local a = sql.execute("insert into t (id, name) values (7, 'a') returning id, name")
    local b = sql.execute("insert into t (id) values (8)")
    return {a.rows, b.last_id or 0, sql.execute("update t set name = 'x'").affected}
    """
    )
    rows, last, affected = script(code, sql=url).value
    assert rows == [{"id": 7, "name": "a"}]
    assert last == (8 if url.startswith("sqlite") else 0)
    assert affected == 2


def test_postgresql_types_cross_as_their_usual_plain_form(script: Script, postgres_url: str) -> None:
    """Dates are ISO text both ways, numeric is exact text, JSON and arrays are tables."""
    code = """
    return sql.query([[select ?::timestamptz at time zone 'UTC' as at, ?::date as day, 12.50::numeric as sum,
      '{"a": [1, null]}'::jsonb as doc, array[1, 2] as list, true as yes, 'x'::text ~ ? as fits,
      '8c7a3bb2-0f1b-4d1e-9d3f-3a1b2c3d4e5f'::uuid as id, '{"a": 1}'::jsonb ?? 'a' as has, 5 % 3 as rest,
      ?::jsonb as given]], {"2026-01-02T03:04:05Z", "2026-01-02", "^x", {b=1}})[1]
    """
    row = script(code, sql=postgres_url).value
    assert row["at"].replace(" ", "T") == "2026-01-02T03:04:05"
    assert (row["day"], row["sum"]) == ("2026-01-02", "12.50")
    assert row["doc"]["a"][0] == 1
    assert (row["list"], row["yes"], row["fits"], row["has"]) == ([1, 2], True, True, True)
    assert (row["id"], row["rest"], row["given"]) == ("8c7a3bb2-0f1b-4d1e-9d3f-3a1b2c3d4e5f", 2, {"b": 1})


def test_query_only_reads(script: Script, url: str) -> None:
    """What changes something is refused by the database itself in sql.query, however it is worded."""
    code = (
        table(url)
        + """
    local out = {}
    for _, statement in ipairs {
      "insert into t (id) values (1)", "delete from t", "drop table t", "/* a */ update t set name = 'x'",
      "with x as (select 1) insert into t (id) values (1)",
    } do
      local _, e = try(sql.query, statement)
      out[#out + 1] = e and e.kind or "none"
    end
    return {out, #sql.query("select * from t")}
    """
    )
    kinds, count = script(code, sql=url).value
    assert "none" not in kinds
    assert count == 0


def test_a_transaction_is_whole(script: Script, url: str) -> None:
    """Committed with its function's values; rolled back for an error, which goes on; the connection is
    free after."""
    code = (
        table(url)
        + """
    local n = sql.transaction(function(tx)
      tx:execute("insert into t (id) values (1)")
      tx.execute("insert into t (id) values (?)", {2})
      return tx:query("select count(*) as n from t")[1].n
    end)
    local _, e = try(sql.transaction, function(tx)
      tx:execute("delete from t")
      error({kind="mine"})
    end)
    local late
    sql.transaction(function(tx) late = tx end)
    local _, ended = try(late.query, "select 1")
    return {n, e.kind, sql.query("select count(*) as n from t")[1].n, ended.message}
    """
    )
    assert script(code, sql=url).value == [2, "mine", 2, "the transaction has ended"]


def test_a_refused_statement_in_a_transaction_rolls_all_back(script: Script, url: str) -> None:
    """A constraint that fails raises kind api with the database's code, and nothing of the transaction
    stays."""
    code = (
        table(url)
        + """
    local _, e = try(sql.transaction, function(tx)
      tx:execute("insert into t (id) values (1)")
      tx:execute("insert into t (id) values (1)")
    end)
    return {e.kind, e.code, e.outcome, sql.query("select count(*) as n from t")[1].n}
    """
    )
    kind, code_, outcome, count = script(code, sql=url).value
    assert (kind, outcome, count) == ("api", "rejected", 0)
    assert code_ == ("SQLITE_CONSTRAINT_PRIMARYKEY" if url.startswith("sqlite") else "23505")


@pytest.mark.parametrize("call", ["query", "execute"])
def test_timeout_and_cancel_roll_back_and_stop_the_statement(script: Script, url: str, call: str) -> None:
    """An endless statement ends with its time; the transaction is undone and the database is free at once."""
    endless = ENDLESS if call == "query" else f"insert into t (id) {ENDLESS}"
    if url.startswith("postgres"):
        endless = endless.replace(
            "with recursive c(x) as (select 1 union", "with recursive c(x) as (select 1::bigint union"
        )
    code = (
        table(url)
        + f"""
    local function work()
      sql.transaction(function(tx)
        tx:execute("insert into t (id) values (1)")
        tx:{call}([[{endless}]])
      end)
    end
    local _, e = try(with_timeout, 0.2, work)
    local task = spawn(work)
    sleep(0.1)
    task:cancel()
    local _, c = try(task.wait, task)
    sql.execute("insert into t (id) values (2)")
    return {{e.kind, c.kind, sql.query("select count(*) as n from t")[1].n}}
    """
    )
    assert script(code, sql=url).value == ["timeout", "cancelled", 1]


def test_a_run_that_ends_leaves_no_transaction(script: Script, url: str) -> None:
    """os.exit and the run's time limit in the middle of a transaction undo it."""
    script(table(url), sql=url)
    begun = 'sql.transaction(function(tx) tx:execute("insert into t (id) values (1)") %s end)'
    script(begun % "os.exit(0)", sql=url)
    assert error_of(script(begun % "sleep(60)", sql=url, timeout=0.3, check=False)).kind == "timeout"
    code = 'sql.execute("insert into t (id) values (2)") return sql.query("select count(*) as n from t")[1].n'
    assert script(code, sql=url).value == 1


def test_statements_of_parallel_tasks_in_one_transaction_take_turns(script: Script, url: str) -> None:
    """Tasks may share a transaction: its connection runs one statement at a time."""
    code = (
        table(url)
        + """
    return sql.transaction(function(tx)
      local ids = {}
      for i = 1, 20 do ids[i] = i end
      map(ids, function(i) tx:execute("insert into t (id) values (?)", {i}) end)
      return tx:query("select count(*) as n from t")[1].n
    end)
    """
    )
    assert script(code, sql=url).value == 20


@pytest.mark.parametrize(
    "statement",
    [
        "begin",
        "COMMIT",
        "-- x\nrollback",
        "savepoint a",
        "set search_path to x",
        "attach database 'x' as y",
        "end",
    ],
)
def test_what_would_outlast_the_statement_is_refused(script: Script, url: str, statement: str) -> None:
    """Transactions are the host's; settings of a session would meet the next run."""
    for call in ("query", "execute"):
        error = error_of(script(f"sql.{call}([[{statement}]])", sql=url, check=False))
        assert error.kind == "invalid"
        assert "is refused" in error.message


def test_one_statement_at_a_time(script: Script, url: str) -> None:
    """A second statement after a semicolon is refused, so that none slips in behind a read."""
    script(table(url), sql=url)
    for call in ("query", "execute"):
        for text in ("select 1; insert into t (id) values (1)", "select 1; commit; drop table t"):
            assert error_of(script(f"sql.{call}('{text}')", sql=url, check=False)).kind == "api"
    assert script("return sql.query('select count(*) as n from t')[1].n", sql=url).value == 0


@pytest.mark.parametrize(
    "statement",
    [
        "/* /* */ attach database '{path}' as other -- */",
        "/* /* */ commit -- */",
        "vacuum into '{path}'",
        "pragma writable_schema = on",
        "pragma journal_mode = off",
        "pragma foreign_keys = off",
        "select load_extension('{path}')",
        "select 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' regexp '(a+)+b'",
        "select zeroblob(500000000)",
    ],
)
def test_sqlite_does_not_leave_its_file(script: Script, tmp_path: Path, statement: str) -> None:
    """No other file is opened or written, no setting is changed, no code loaded, no function runs away."""
    url, other = f"sqlite:///{tmp_path}/a.sqlite", tmp_path / "b.sqlite"
    sqlite3.connect(other).close()
    before = other.read_bytes()
    for call in ("query", "execute"):
        error = error_of(script(f"sql.{call}([[{statement.format(path=other)}]])", sql=url, check=False))
        assert error.kind in ("denied", "invalid", "api")
    assert other.read_bytes() == before


def test_sqlite_says_its_schema(script: Script, tmp_path: Path) -> None:
    """What only tells of the schema is allowed."""
    code = (
        table("sqlite")
        + "return {#sql.query('pragma table_info(t)'), sql.query('pragma user_version')[1].user_version}"
    )
    assert script(code, sql=f"sqlite:///{tmp_path}/a.sqlite").value == [4, 0]


def test_rows_and_sizes_are_bounded(script: Script, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows, or more bytes, than the limit are an error and not a full memory."""
    monkeypatch.setattr("host.libraries.sql.rows.MOST_ROWS", 1000)
    monkeypatch.setattr("host.libraries.sql.rows.MOST_BYTES", 100_000)
    numbers = "with recursive c(x) as (select 1 union all select x + 1 from c where x < {n}) select {what} from c"
    for n, what in ((100_000_000, "x"), (500, "x, '" + "y" * 500 + "' as y")):
        error = error_of(script(f"sql.query([[{numbers.format(n=n, what=what)}]])", sql=url, check=False))
        assert error.kind == "limit"
    assert len(script(f"return sql.query([[{numbers.format(n=1000, what='x')}]])", sql=url).value) == 1000


def test_without_a_grant_each_name_is_there_and_denied(script: Script, tmp_path: Path) -> None:
    """No database is granted by itself, and none but those granted."""
    for call in (
        "sql.query('select 1')",
        "sql.execute('select 1')",
        "sql.transaction(print)",
        "sql.connect()",
    ):
        error = error_of(script(call, check=False))
        assert error.kind == "denied"
        assert "--allow-sql" in error.hint
    code = f"sql.connect('sqlite:///{tmp_path}/other.sqlite')"
    error = error_of(script(code, sql=f"sqlite:///{tmp_path}/a.sqlite", check=False))
    assert error.kind == "denied"
    assert not list(tmp_path.iterdir())


def test_several_databases_are_chosen_by_name(script: Script, tmp_path: Path) -> None:
    """sql.connect takes a URL, or the name at its end; without it one of several is asked for."""
    grants = (f"sqlite:///{tmp_path}/shop.sqlite", f"sqlite:///{tmp_path}/log.sqlite")
    code = """
    local shop, log = sql.connect("shop"), sql.connect("log.sqlite")
    shop:execute("create table s (x)") log.execute("create table l (x)")
    shop:transaction(function(tx) tx:execute("insert into s values (1)") end)
    local _, e = try(sql.query, "select 1")
    local names = "select name from sqlite_master"
    return {shop:query(names)[1].name, log:query(names)[1].name, e.message}
    """
    shop, log, message = script(code, sql=grants).value
    assert (shop, log) == ("s", "l")
    assert "choose with sql.connect" in message


def test_read_only_permissions_allow_queries(script: Script, url: str) -> None:
    """--read-only lets sql.query through and refuses execute and transactions."""
    assert script("return sql.query('select 1 as x')[1].x", sql=url, read_only=True).value == 1
    for call in ("sql.execute('create table x (y integer)')", "sql.transaction(print)"):
        assert error_of(script(call, sql=url, read_only=True, check=False)).kind == "denied"


def test_one_runs_transaction_is_not_anothers(script: Script, tmp_path: Path) -> None:
    """A transaction in memory's one connection holds others off until it ends, and no longer."""
    code = """
    sql.execute("create table if not exists m (x integer)")
    sql.transaction(function(tx) tx:execute("insert into m values (1)") sleep(0.05) end)
    return sql.query("select count(*) as n from m")[1].n
    """
    assert script(f"return parallel(function() {code} end, function() {code} end)", sql="sqlite://").value in (1, 2)


def test_passwords_are_not_shown(script: Script) -> None:
    """A database that cannot be reached is named without its password, kind network."""
    url = "postgresql://me:hunter2hunter2@127.0.0.1:1/x"
    error = error_of(script("sql.query('select 1')", sql=url, check=False))
    assert error.kind == "network"
    assert "hunter2" not in str(error) + str(error.facts)


@pytest.mark.parametrize(
    ("given", "text", "values"),
    [
        (("select ?", [1]), "select %s", (1,)),
        (("select :a, :b, :a", {"a": 1, "b": 2}), "select %s, %s, %s", (1, 2, 1)),
        (("select '?' || \":a\" || ? -- ?\n", [1]), "select '?' || \":a\" || %s -- ?\n", (1,)),
        (("select 'it''s ?', ?", [1]), "select 'it''s ?', %s", (1,)),
        (("select $$ ? :a $$, $x$ $$ ? $x$, ?", [1]), "select $$ ? :a $$, $x$ $$ ? $x$, %s", (1,)),
        (
            ("select a::text, b ?? 'x', 5 % 2 from t where c = ?", [1]),
            "select a::text, b ? 'x', 5 %% 2 from t where c = %s",
            (1,),
        ),
        (("select /* ? /* :a */ ? */ ?", [1]), "select /* ? /* :a */ ? */ %s", (1,)),
        (("select E'\\'?', ?", [1]), "select E'\\'?', %s", (1,)),
        (("select 1", {}), "select 1", ()),
    ],
)
def test_placeholders_are_found_where_they_are(given: Any, text: str, values: tuple[Any, ...]) -> None:
    """Only what is a placeholder becomes one."""
    assert bound(*given, "format")[:2] == (text, values)


@pytest.mark.parametrize(
    ("statement", "given", "words"),
    [
        ("select ?", [], "1 placeholders"),
        ("select ?", [1, 2], "2 parameters"),
        ("select ?", None, "no list"),
        ("select :name", {"nam": 1}, 'did you mean "nam"'),
        ("select :a", {"a": 1, "b": 2}, "no :b"),
        ("select 1", 5, "are a table"),
    ],
)
def test_parameters_that_do_not_fit_are_named(statement: str, given: Any, words: str) -> None:
    """Too few, too many, unknown: said before anything is sent."""
    with pytest.raises(InvalidCall, match=r".") as raised:
        bound(statement, given, "qmark")
    assert words in raised.value.message


def test_the_first_word_is_found_behind_comments() -> None:
    """Comments and brackets do not hide what a statement is."""
    assert bound("-- begin\n/* commit */ ( SELECT 1)", None, "qmark")[2].first == "select"
    assert bound("", None, "qmark")[2].first == ""


@pytest.mark.parametrize(
    ("statement", "certain", "sqlite", "postgresql"),
    [
        ("select 1", True, False, True),
        ("select 'into' from t", True, False, True),
        ("select a into b from t", False, False, True),
        ("values (1)", True, False, True),
        ("with x as (select 1) select * from x", True, False, True),
        ("with x as (delete from t returning a) select * from x", False, True, True),
        ("insert into t values (1)", False, False, False),
        ("insert into t values (1) returning a", True, True, True),
        ("update t set a = 'returning'", False, False, False),
        ("create table t (a int)", False, False, False),
    ],
)
def test_the_words_of_a_statement_tell_what_it_may_do(
    statement: str, certain: bool, sqlite: bool, postgresql: bool
) -> None:
    """Whether it gives rows for certain, and whether rows may come of what changes something; texts are no words."""
    words = bound(statement, None, "format")[2]
    assert words.certainly_give_rows == certain
    assert words.may_change_and_give_rows(sqlite=True) == sqlite
    assert words.may_change_and_give_rows(sqlite=False) == postgresql


def test_a_statement_is_read_once(script: Script, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its placeholders, what it may do and whether it gives rows come of one pass over its text."""
    read: list[str] = []
    parts = statements._parts

    def counted(text: str) -> Iterator[tuple[str, str]]:
        read.append(text)
        return parts(text)

    monkeypatch.setattr(statements, "_parts", counted)
    script("sql.execute('create table o (a int)') sql.execute('insert into o values (?) returning a', {1})", sql=url)
    assert len(read) == len(set(read)) == 2
