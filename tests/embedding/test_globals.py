"""A script's globals are its own: what its program gave it, and what it set itself, stays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from host import Host, UsageError
from host.lua.globals import FILES, STANDARD

NAMES = sorted(set(STANDARD))
TOGETHER = sorted((one, other) for one in FILES for other in FILES if one != other and FILES[one] == FILES[other])


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host(simulate=True) as host:
        yield host


@pytest.mark.parametrize("name", NAMES)
def test_a_given_name_wins_over_the_hosts(host: Host, name: str) -> None:
    """Also when everything else was used before, and where the rest of the run needs what it hides."""
    others = " ".join(f"if _G.{each} then end" for each in NAMES if each != name)
    code = f"{others} local s = ('x'):rep(2) return {name}"
    assert host.run_source(code, globals={name: "given"}).raise_for_error().value == "given"


@pytest.mark.parametrize("name", NAMES)
def test_a_name_a_script_sets_stays_set(host: Host, name: str) -> None:
    """A file of the prelude that is loaded later, and sets it too, changes nothing."""
    others = " ".join(f"if _G.{each} then end" for each in NAMES if each != name)
    code = f"{name} = 'own' {others} return _G.{name}"
    assert host.run_source(code).raise_for_error().value == "own"


@pytest.mark.parametrize(("one", "other"), TOGETHER)
def test_names_of_one_file_are_set_one_by_one(host: Host, one: str, other: str) -> None:
    """What is loaded for one name leaves the other as the script, or its program, has it."""
    code = f"local first = {one} return type(first) ~= 'nil' and {other}"
    assert host.run_source(code, globals={other: "given"}).raise_for_error().value == "given"
    assert host.run_source(f"{other} = 'own' {code}").raise_for_error().value == "own"


def test_the_host_needs_none_of_them(host: Host) -> None:
    """Showing answers, errors and logs, and methods of strings, work whatever a script has made of the names."""
    hidden = " ".join(f"{name} = false" for name in ("inspect", "string", "tostring", "table", "type", "select"))
    result = host.run_source(
        f"local p = new_product():name('x') p:create() {hidden} print(p.data) return ('a'):upper()"
    )
    assert result.raise_for_error().value == "A"
    assert 'name = "x"' in result.output
    error = host.run_source(f"{hidden} error({{a = 1}})").error
    assert error is not None
    assert error.message == "the error is a table: { a = 1 }"


def test_functions_are_not_given_as_globals(host: Host) -> None:
    """They are registered; Lua's own table of globals is not replaced."""
    for value in (print, int, lambda: 1):
        with pytest.raises(UsageError, match=r"globals: print is .*, and Python functions are not Lua values"):
            host.run_source("print('x')", globals={"print": value})
    for name in ("_G", "_VERSION"):
        with pytest.raises(UsageError, match=f"globals: {name} is Lua's own"):
            host.run_source("", globals={name: 1})
