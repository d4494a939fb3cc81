"""What a script mentions is told to its state at once: few questions, and the same answers as when it asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from host import Host, RunResult
from host.lua import protocol as p
from host.lua.state import LuaState
from host.run.script import LONG, MOST, mentioned


@pytest.fixture
def asked(host: Host) -> Iterator[list[int]]:
    """The codes of what states ask."""
    codes: list[int] = []

    def spying(function: Any, *rest: Any) -> LuaState:
        def spy(code: int, arguments: tuple[Any, ...]) -> Any:
            codes.append(code)
            return function(code, arguments)

        return LuaState(spy, *rest)

    usual = host._runs.services
    host._runs.services = replace(usual, new_state=spying)
    yield codes
    host._runs.services = usual


def run(host: Host, code: str, **options: Any) -> Any:
    return host.run_source(code, **options).raise_for_error().value


def test_a_builders_methods_come_with_it(host: Host, asked: list[int]) -> None:
    """Methods a script mentions cost no round trip of their own: two builders, two names asked for."""
    code = """local n = tonumber(args[1])
    for i = 1, n do new_product():name("x"):description("y"):metadata("a", "b"):create() end"""
    run(host, code, args=["2"])  # compiled with the file that does
    asked.clear()
    run(host, code, args=["2"])
    assert [code for code in asked if code not in (p.TICK, p.ROOM)] == [p.NAME, p.NAME, p.CALL, p.CALL, p.ENDED]


def test_a_method_that_is_not_mentioned_is_asked_for(host: Host, asked: list[int]) -> None:
    """A method that is not mentioned is asked for."""
    code = """local b, name = new_product(), "na" .. "me"
    b[name](b, "computed") b:create() return b.data.name"""
    assert run(host, code) == "computed"
    assert p.METHOD in asked


@pytest.mark.parametrize("padding", ["", "-- " + "x" * LONG + "\n"], ids=["short", "long"])
def test_a_wrong_one_is_refused_where_it_stands(host: Host, padding: str) -> None:
    """A wrong method is refused at its line."""
    result = host.run_source(f"{padding}new_product()\n  :name('x')\n  :nmae('y')\n  :create()", name="shop")
    assert result.error is not None
    assert result.error.message.startswith('product has no parameter "nmae"; did you mean "name"?')
    assert result.error.line == 3 + bool(padding)


def test_methods_of_one_builder_are_none_of_another(host: Host) -> None:
    """Methods of one builder do not belong to another."""
    code = """new_product():name("x"):create()
    local ok, err = pcall(function() return new_customer():unit_amount(5) end)
    return {ok, err.message}"""
    ok, message = run(host, code)
    assert ok is False
    assert 'has no parameter "unit_amount"' in message


def test_a_global_of_the_program_comes_before_luas_own(host: Host) -> None:
    """A global of the program comes before Lua's own."""
    assert run(host, "return {tonumber, type, pairs ~= nil}", globals={"tonumber": 5, "type": "t"}) == [5, "t", True]


@pytest.mark.parametrize("name", ["next pairs", " next", "", "nex", "host", "own", "call", "run"])
def test_nothing_else_is_found_by_way_of_luas_own(host: Host, name: str) -> None:
    """Nothing else is found through Lua's own globals."""
    assert run(host, f"return _G['{name}'] == nil") is True


def test_an_argument_that_is_no_text_is_refused_where_it_is_read(host: Host) -> None:
    """An argument that is no text is refused where it is read."""
    result: RunResult = host.run_source("local x = 1\nreturn args[1]", args=["a\udcff"])
    assert result.error is not None
    assert result.error.message == "argument 1 of the script is not Unicode"
    assert result.error.line == 2


def test_what_is_mentioned() -> None:
    """Every form of a method call is found, up to a number and within a length of source."""
    source = b"a:b() c : d{} e:f'x' g:h\"y\" i:j[[z]] k:l m::n() --o:p()\n:q\n(1)"
    assert mentioned(source) == ("b", "d", "f", "h", "j", "n", "p", "q")
    assert len(mentioned(b" ".join(b"x:m%d()" % n for n in range(3 * MOST)))) == MOST
    assert mentioned(b"a:b()" + b" " * LONG) == ()


def test_values_reach_the_api_as_they_were_given(host: Host) -> None:
    """Texts of all lengths and alphabets, maps and lists that add up, more parameters than there is room for."""
    code = """
    local long, wide = ("x"):rep(300), ("é"):rep(40)
    local first = new_product():name("x"):name(wide):description(long):active(false):unit_label("l"):url("https://a.b")
      :statement_descriptor("D"):metadata("a", "1"):metadata("ä", wide):metadata("a", "2"):metadata({ b = "3" })
      :images({ "https://a/1" }):add_images("https://a/2"):shippable(true):tax_code("txcd_1"):type("good")
    local second = first:copy():name("copied"):metadata("c", "4"):add_images("https://a/3")
    first:create() second:create()
    return { first.data, second.data }"""
    first, second = run(host, code)
    same = {
        "description": "x" * 300,
        "active": False,
        "unit_label": "l",
        "url": "https://a.b",
        "statement_descriptor": "D",
        "shippable": True,
        "tax_code": "txcd_1",
    }
    for product in (first, second):
        assert {name: product[name] for name in same} == same
    assert first["name"] == "é" * 40
    assert first["metadata"] == {"a": "2", "ä": "é" * 40, "b": "3"}
    assert first["images"] == ["https://a/1", "https://a/2"]
    assert second["name"] == "copied"
    assert second["metadata"] == {**first["metadata"], "c": "4"}
    assert second["images"] == [*first["images"], "https://a/3"]
