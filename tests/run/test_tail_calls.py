"""A tail call leaves no frame of the script's behind; its error still says the line."""

from __future__ import annotations

from typing import Literal

import pytest

from host import Host


@pytest.mark.parametrize(
    "code",
    [
        'local p = new_price():currency("usd")\n\nreturn p:create()',
        'local x = 1\n\nreturn stripe.products.retrieve("prod_nowhere")',
        'local function f()\n\n  return stripe.products.retrieve("prod_nowhere")\nend\nreturn f()',
    ],
)
def test_an_error_of_a_tail_call_says_its_line(code: str) -> None:
    """``return p:create()`` is how most scripts end."""
    with Host(simulate=True) as host:
        error = host.run_source(code).error
    assert error is not None
    assert error.line == 3
    assert "> 3 |" in error.source


LEAVING = [  # what a script may end with, each failing
    'http.get("no-address")',
    'fs.read("/etc/passwd")',
    'sql.query("select 1")',
    'graphql_query("{a}")',
    'json.decode("{")',
    "map(1)",
    "spawn(1)",
    "sleep(-1)",
    'error("x", 0)',
    'error{kind = "own"}',
    'string.rep("x", 1e10)',
    "math.floor({})",
    "setmetatable(1, 2)",
    "coroutine.wrap(sleep)(-1)",
    'with_timeout(1, http.get, "no-address")',
    'map({"no-address"}, http.get)',
    "broken(1)",
    'new_price():amount("x")',
    'stripe.products.retrieve("prod_nowhere")',
]


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_whatever_a_script_ends_with_says_its_line(isolation: Literal["none", "process"]) -> None:
    """The last line of most rules is ``return f(x)``, with any function of the host's, of Lua's or of the program's."""
    with Host(simulate=True, isolation=isolation) as host:

        @host.function
        def broken(n: int) -> None:
            raise ValueError(n)

        for call in LEAVING:
            error = host.run_source(f"local a = 1\nlocal function f() return g() end\nreturn {call}").error
            assert error is not None
            assert (call, error.line) == (call, 3)
            assert "> 3 |" in error.source
            assert "ending_calls" not in error.facts


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ('if false then\n  return http.get("x")\nend\nreturn json.decode("{")', 4),
        ('if true then\n  return http.get("x")\nend\nreturn json.decode("{")', 2),
        ('if false then\n  return http.get("x")\nend\nreturn ("x"):rep(1e10)', 4),
        ('if true then\n  return broken(1)\nend\nreturn ("x"):rep(1e10)', 2),
        ("if false then\n  return math.ceil(1)\nend\nreturn math.floor({})", None),
    ],
)
def test_one_of_several_is_told_by_what_failed(code: str, line: int | None) -> None:
    """Where a script may end in several calls, the line that names what failed; none where nothing tells which."""
    with Host(simulate=True) as host:

        @host.function
        def broken(n: int) -> None:
            raise ValueError(n)

        error = host.run_source(code).error
    assert error is not None
    assert error.line == line


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ('spawn(http.get, "x")\nsleep(0.01)\nreturn math.max(1, 2)', 1),
        ('spawn(function() return http.get("x") end)\nsleep(0.01)\nreturn math.max(1, 2)', 1),
        ('local t = spawn(http.get, "x")\n\nreturn t:wait()', 3),
    ],
)
def test_a_task_left_by_a_tail_call_is_told_where_it_was_begun(code: str, line: int) -> None:
    """Nothing of the task's own is left; the script's last line has nothing to do with it."""
    with Host(simulate=True) as host:
        error = host.run_source(code).error
    assert error is not None
    assert error.line == line
