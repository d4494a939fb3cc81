"""Every file of the prelude takes what it needs from ``core``: a global it names would be nil in a run."""

from __future__ import annotations

from importlib.resources import files

import lupa.luajit21 as lupa
import pytest

PRELUDE = sorted(path.name for path in (files("host.lua") / "prelude").iterdir() if path.name.endswith(".lua"))

NAMED = """
local util, band, rshift = require("jit.util"), bit.band, bit.rshift
local get = band((util.funcbc(loadstring("return x"), 1)), 0xff)
local set = band((util.funcbc(loadstring("x = 1"), 2)), 0xff)
return function(source)
  local found = {}
  local function look(f)
    local pc = 1
    while true do
      local instruction = util.funcbc(f, pc)
      if not instruction then break end
      local code = band(instruction, 0xff)
      if code == get or code == set then found[util.funck(f, -rshift(instruction, 16) - 1)] = true end
      pc = pc + 1
    end
    local n = -1
    while true do
      local constant = util.funck(f, n)
      if constant == nil then return end
      if type(constant) == "proto" then look(constant) end
      n = n - 1
    end
  end
  look(assert(loadstring(source)))
  local names = {}
  for name in pairs(found) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, " ")
end
"""


@pytest.fixture(scope="module")
def globals_of():
    return lupa.LuaRuntime().execute(NAMED)


def test_the_reader_sees_globals(globals_of) -> None:
    """What is read and what is set, in functions too."""
    assert globals_of("local a = b; c = a; return function() local t = {} t.f = 1 return d(t) end") == "b c d"


@pytest.mark.parametrize("name", PRELUDE)
def test_no_file_names_a_global(globals_of, name: str) -> None:
    """But core.lua, which gathers Lua's own functions before the globals are gone."""
    named = globals_of((files("host.lua") / "prelude" / name).read_text())
    if name == "core.lua":
        assert "host" not in named.split()
        assert "_G" in named.split()
    else:
        assert named == ""
