"""A built-in library is a folder and a name: Python, Lua and types for editors, which say the same."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from host import Host
from host.cli import main
from host.http.settings import HttpSettings
from host.libraries.builtin import library_types
from host.libraries.graphql import library as graphql
from host.libraries.http import options as http
from host.libraries.library import BuiltinParts
from host.lua.globals import FILES, LIBRARIES, STANDARD
from host.policy.redaction import Redactor
from host.settings import Settings

FOLDER = Path(__file__).parents[2] / "host" / "libraries"


def test_each_name_is_a_folder_and_each_folder_a_name() -> None:
    """Nothing is to be entered elsewhere: the folder's files are found by its name."""
    folders = {path.parent.name for path in FOLDER.glob("*/library.py")}
    assert set(LIBRARIES) == folders
    for name in LIBRARIES:
        assert {"library.py", f"{name}.lua", "types.lua"} <= {path.name for path in (FOLDER / name).iterdir()}
        for each in LIBRARIES[name].split():
            assert FILES[each] == name
            assert each in STANDARD


@pytest.mark.parametrize("name", LIBRARIES)
async def test_its_functions_begin_with_its_name(name: str) -> None:
    """``provider(parts)`` gives them, each with what a call does."""
    parts = BuiltinParts(Settings(), HttpSettings(), lambda _: None, Redactor([]))
    provider = importlib.import_module(f"host.libraries.{name}.library").provider(parts)
    assert provider.functions
    for function, how in provider.functions.items():
        assert function.partition(".")[0] == name
        assert callable(how.effect) or how.effect in ("read", "write", "pure")
    await provider.aclose()


@pytest.mark.parametrize("name", LIBRARIES)
def test_types_name_what_the_lua_side_has(name: str) -> None:
    """Each global, and each function of one that is a table; none that is not there."""
    code = """
      local found = {}
      for _, name in ipairs(names) do
        local value = _G[name]
        if type(value) == "table" then for key in pairs(value) do found[#found + 1] = name .. "." .. key end
        else found[#found + 1] = name end
      end
      return found
    """
    with Host(simulate=True) as host:
        result = host.run_source(code, globals={"names": LIBRARIES[name].split()}).raise_for_error()
    types = (FOLDER / name / "types.lua").read_text(encoding="utf-8")
    assert set(re.findall(r"^function ([\w.]+)\(", types, re.MULTILINE)) == set(result.value)


@pytest.mark.parametrize(
    ("name", "options"), [("http", {*http._NAMES} - {"url", "method"}), ("graphql", {*graphql._OPTIONS})]
)
def test_types_name_each_option(name: str, options: set[str]) -> None:
    """The fields of the class of options are those the Python side knows."""
    types = (FOLDER / name / "types.lua").read_text(encoding="utf-8")
    _, _, fields = types.partition(f"---@class host.{name}.Options\n")
    fields = fields.partition("\n\n")[0]
    assert set(re.findall(r"^---@field (\w+)\?", fields, re.MULTILINE)) == options


def test_parameters_of_types_are_those_of_the_function() -> None:
    """Every ``@param`` names one, in their order, and all are typed."""
    for _, text in library_types():
        for notes, parameters in re.findall(r"((?:^---.*\n)*)^function [\w.]+\((.*)\) end", text, re.MULTILINE):
            named = re.findall(r"^---@param (\w+)\??", notes, re.MULTILINE)
            assert named == [each for each in parameters.split(", ") if each]


def test_types_are_written_beside_those_of_the_apis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``apis --stubs`` writes a file of each library; no API's file takes its place."""
    assert main(["apis", "--stubs", str(tmp_path)]) == 0
    written = capsys.readouterr().out.split()
    for name, text in library_types():
        assert (tmp_path / name).read_text(encoding="utf-8") == text
        assert str(tmp_path / name) in written
    assert (tmp_path / "host.lua").exists()
    assert (tmp_path / "stripe.lua").exists()
