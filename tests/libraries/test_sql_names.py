"""sql.*: what a row or a transaction cannot say twice: columns of one name, transactions of one task."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from host import RunResult
from host.errors import ScriptError
from tests.libraries.test_sql import error_of, postgres_url, url

__all__ = ["postgres_url", "url"]  # fixtures

Script = Callable[..., RunResult]

TABLE = """
sql.execute('create table t (id integer primary key, name text)')
sql.execute("insert into t values (1, 'a')")
"""


@pytest.mark.parametrize(
    ("call", "column"),
    [
        ("sql.query('select id, name, id from t')", "id"),
        ("sql.query('select * from t join t as u on t.id = u.id')", "id"),
        ("sql.query('select count(*), count(*) from t')", "count"),
        ("sql.execute('select 1 as a, 2 as a')", "a"),
        ("sql.execute([[insert into t values (2, 'b') returning id, id]])", "id"),
        ("sql.execute([[update t set name = 'c' returning name, id as name]])", "name"),
    ],
)
def test_two_columns_of_one_name_are_refused(script: Script, url: str, call: str, column: str) -> None:
    """The error names the column and how to alias it; what the statement changed is taken back."""
    failure = error_of(script(TABLE + call, sql=url, check=False))
    assert (failure.kind, f"columns named {column}" in failure.message) == ("invalid", True)
    assert f"{column}" in failure.hint
    assert " AS " in failure.hint
    assert script("return sql.query('select * from t')", sql=url).value == [{"id": 1, "name": "a"}]


def test_names_are_told_apart_as_the_database_does(script: Script, url: str) -> None:
    """A dot in a column's name is part of it, as are capital letters; an alias makes two of one."""
    code = """return sql.query([[select 1 as "a.b", 2 as "c.b", 3 as "B", 4 as b]])[1]"""
    assert script(code, sql=url).value == {"a.b": 1, "c.b": 2, "B": 3, "b": 4}


def test_a_change_gives_its_rows_within_a_transaction_and_without(script: Script, url: str) -> None:
    """RETURNING outside a transaction is committed once its rows are read."""
    code = (
        TABLE
        + """
    local a = sql.execute("insert into t values (2, 'b') returning id, name as what").rows[1]
    local b = sql.transaction(function(tx) return tx:execute("delete from t where id = 1 returning id").rows[1] end)
    return {a, b, sql.query("select count(*) as n from t")[1].n}
    """
    )
    assert script(code, sql=url).value == [{"id": 2, "what": "b"}, {"id": 1}, 1]


WITHIN = {
    "sql.transaction(function() end)": "sql.transaction within sql.transaction",
    "sql.connect(name):transaction(function() end)": "sql.transaction within sql.transaction",
    "helper(function(inner) inner:execute('delete from t') end)": "sql.transaction within sql.transaction",
    "sql.execute('delete from t')": "sql.execute within sql.transaction",
    "sql.connect(name):execute('delete from t')": "sql.execute within sql.transaction",
}


@pytest.mark.parametrize("inner", WITHIN)
def test_what_would_wait_for_its_own_transaction_is_refused_at_once(script: Script, url: str, inner: str) -> None:
    """A transaction in another one's function, and on SQLite a change beside it: refused with what to do instead, and
    the outer transaction can go on."""
    if url.startswith("postgres") and "transaction" not in WITHIN[inner].partition(" ")[0]:
        pytest.skip("PostgreSQL has other connections, which wait for rows alone")
    name = url.rpartition("/")[2]
    code = (
        TABLE
        + f"""
    local name = {name!r}
    local function helper(fn) return sql.transaction(fn) end
    local said
    sql.transaction(function(tx)
      tx:execute("insert into t values (2, 'b')")
      local ok, why = pcall(function() {inner} end)
      said = {{ok, why.kind, why.message, why.hint}}
    end)
    sql.transaction(function(tx) tx:execute("insert into t values (3, 'c')") end)
    return {{said, sql.query("select count(*) as n from t")[1].n}}
    """
    )
    (ok, kind, message, hint), rows = script(code, sql=url).value
    assert (ok, kind, rows) == (False, "invalid", 3)
    assert WITHIN[inner] in message
    assert "tx:" in hint


def test_a_failed_transaction_leaves_its_task_free(script: Script, url: str) -> None:
    """After an error in its function the task may begin another one, and change what it likes."""
    code = (
        TABLE
        + """
    pcall(sql.transaction, function(tx) error("no") end)
    pcall(sql.transaction, function(tx) tx:execute("nonsense") end)
    sql.execute("insert into t values (2, 'b')")
    return sql.transaction(function(tx) return #tx:query("select * from t") end)
    """
    )
    assert script(code, sql=url).value == 2


def test_transactions_of_two_databases_and_of_two_tasks_may_be_open_together(script: Script, tmp_path: object) -> None:
    """Only the same database in the same task is refused; reading beside a transaction shows what is committed."""
    urls = [f"sqlite:///{tmp_path}/{name}.sqlite" for name in ("one", "two")]
    code = """
    local one, two = sql.connect("one"), sql.connect("two")
    one:execute("create table t (n integer)")
    two:execute("create table t (n integer)")
    one:transaction(function(a)
      a:execute("insert into t values (1)")
      two:transaction(function(b) b:execute("insert into t values (2)") end)
      two:execute("insert into t values (3)")
      assert(#one:query("select * from t") == 0)
    end)
    local function add(n)
      return function() one:transaction(function(tx) tx:execute("insert into t values (?)", {n}) end) end
    end
    parallel(add(4), add(5))
    return {#one:query("select * from t"), #two:query("select * from t")}
    """
    assert script(code, sql=urls).value == [3, 2]


def test_a_table_missing_in_an_empty_database_is_said_so(script: Script, tmp_path: object) -> None:
    """A misspelt file is made empty by SQLite; the hint says so, and none is given where the database has tables."""
    failure = error_of(script("sql.query('select * from t')", sql=f"sqlite:///{tmp_path}/shpo.sqlite", check=False))
    assert isinstance(failure, ScriptError)
    assert "no such table" in failure.message
    assert "The database is empty" in str(failure.hint)
    other = script(TABLE + "sql.query('select * from u')", sql=f"sqlite:///{tmp_path}/shop.sqlite", check=False)
    assert error_of(other).hint is None
