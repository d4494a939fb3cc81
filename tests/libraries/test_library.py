"""Libraries of an embedding program, and what holds for all libraries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host import Host, RunResult
from host.errors import InvalidCall, UsageError
from host.libraries.library import Library, LibraryCall, LibraryFunction
from host.policy.budget import Budget
from host.policy.permissions import Permissions

Script = Callable[..., RunResult]

LUA = """
local host = ...
local money = {}
function money.convert(amount, to) return host.call("convert", amount, to) end
function money.both(amount)
  return parallel(function() return money.convert(amount, "eur") end, money.none)
end
function money.none() return host.call("convert", 0, "usd") end
function money.bad() host.raise{kind="invalid", message="no such money"} end
return { money = money, euro = function(n) return money.convert(n, "eur") end }
"""


async def convert(amount: float, to: str) -> Any:
    if to == "xxx":
        raise InvalidCall("there is no money of that name")
    return {"amount": amount * 2, "currency": to}


def money(**functions: Any) -> Library:
    return Library("money", LUA, ("money", "euro"), {"convert": convert, **functions})


def test_a_programs_own_library_is_lua_in_front_and_python_behind() -> None:
    """Its names are globals, its functions wait like any call, its errors are at the script's line."""
    with Host(simulate=True) as host:
        host.add_library(money())
        code = """
        local a, b = money.both(5)
        local _, e = try(money.convert, 1, "xxx")
        local _, bad = try(money.bad)
        return {a, b, euro(2).amount, e.kind, e.line, bad.kind, bad.message, money == money}
        """
        value = host.run_source(code).raise_for_error().value
    a, b, euro, kind, line, bad, message, same = value
    assert a == {"amount": 10, "currency": "eur"}
    assert b == {"amount": 0, "currency": "usd"}
    assert (euro, kind, bad, message, same) == (4, "invalid", "invalid", "no such money", True)
    assert line in (3, None)


def test_an_effect_is_what_the_permissions_and_budgets_see() -> None:
    """A function that writes is refused under read_only and counts as a mutation; one that reads is not."""

    async def run(asked: LibraryCall, deadline: float) -> Any:
        asked.permissions.check_net("example.com", 443)
        return asked.args

    reading = LibraryFunction(run, "read")
    library = Library("tool", "local h = ... return {tool = h.call}", ("tool",), {"look": reading, "do_it": convert})
    with Host(simulate=True, permissions=Permissions(read_only=True, net="example.com")) as host:
        host.add_library(library)
        assert host.run_source("return tool('look', 1)").raise_for_error().value == [1]
        refused = host.run_source("tool('do_it', 1, 'x')").error
        assert refused is not None
        assert refused.kind == "denied"
    with Host(simulate=True) as host:
        host.add_library(library)
        twice = "tool('do_it', 1, 'x') tool('do_it', 1, 'x')"
        result = host.run_source(twice, budget=Budget(max_mutations=1))
        assert result.error is not None
        assert result.error.kind == "limit"
        denied = host.run_source("tool('look')").error
        assert denied is not None
        assert denied.kind == "denied"


@pytest.mark.parametrize("names", [("http",), ("stripe",), ("print",), ("new_product",), ("money", "fs")])
def test_names_that_are_taken_are_refused(names: tuple[str, ...]) -> None:
    """A library cannot take the place of what scripts know already."""
    with Host(simulate=True) as host, pytest.raises(UsageError, match="is taken"):
        host.add_library(Library("mine", "return {}", names))


def test_what_is_no_library_is_refused() -> None:
    """Names must be Lua's, and there must be some."""
    with pytest.raises(UsageError, match="not a name in Lua"):
        Library("my-lib", "", ("x",))
    with pytest.raises(UsageError, match="no names for scripts"):
        Library("mine", "", ())
    with Host(simulate=True) as host:
        host.add_library(money())
        with pytest.raises(UsageError, match="is taken"):
            host.add_library(money())


def test_a_library_that_does_not_load_says_so() -> None:
    """A fault in its Lua is an error of the script that named it."""
    with Host(simulate=True) as host:
        host.add_library(Library("broken", "return {", ("broken",)))
        error = host.run_source("broken()").error
    assert error is not None
    assert "the library broken does not load" in error.message


def test_a_script_cannot_call_what_no_library_has(script: Script) -> None:
    """Only functions of libraries are reached, not the names of their inner ones."""
    for name in ("http.connect", "sql.nothing", "fs.open", "graphql.request"):
        with Host(simulate=True) as host:
            host.add_library(Library("raw", "local h = ... return {raw = h.call}", ("raw",), {}))
            error = host.run_source(f"raw('{name}')").error
        assert error is not None
        assert "there is no function raw." in error.message


def test_libraries_work_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Isolated scripts have the same libraries: all of it happens on the host's side."""
    grants = Permissions(read=tmp_path, write=tmp_path, sql=f"sqlite:///{tmp_path}/a.sqlite")
    with Host(simulate=True, isolation="process", permissions=grants) as host:
        host.add_library(money())
        code = f"""
        fs.write("{tmp_path}/a.txt", "x")
        sql.execute("create table t (x)")
        sql.transaction(function(tx) tx:execute("insert into t values (1)") end)
        return {{fs.read("{tmp_path}/a.txt"), sql.query("select count(*) as n from t")[1].n, euro(1).amount}}
        """
        assert host.run_source(code).raise_for_error().value == ["x", 1, 2]


def test_nothing_is_imported_for_scripts_without_libraries() -> None:
    """httpx, SQLAlchemy and graphql-core come with the first call of their library."""
    import subprocess
    import sys

    code = (
        "import sys\nfrom host import Host\n"
        "with Host(simulate=True) as host: host.run_source('return new_product():name(\"x\"):create()')\n"
        "names = 'httpx httpcore sqlalchemy aiosqlite graphql sqlite3'.split()\n"
        "print([name for name in names if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_documents_example_is_a_library() -> None:
    """The library of docs/libraries.md does what it says."""
    import re

    text = (Path(__file__).parents[2] / "docs" / "libraries.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    made: dict[str, Any] = {}
    exec(
        example.replace("simulate=True", "simulate=True, permissions=grants"),
        {**_grants(), "__name__": "x"},
        made,
    )
    with made["host"] as host:
        assert host.run_source("return weather('Bergen')").raise_for_error().value == "sunny in Bergen"


def _grants() -> dict[str, Any]:
    return {"grants": Permissions(net="weather.example.com")}
