"""Every file of the prelude takes what it needs from ``core``: a global it names would be nil in a run."""

from __future__ import annotations

import lupa.luajit21 as lupa
import pytest

from host.lua.state import DROPPED, prelude_files

PRELUDE = sorted(prelude_files())

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

#: Lua's own globals that stay when a state has begun.
KEPT = set(map(str, lupa.LuaRuntime().globals())) - set(DROPPED["_G"].split())


@pytest.fixture(scope="module")
def globals_of():
    return lupa.LuaRuntime().execute(NAMED)


def test_the_reader_sees_globals(globals_of) -> None:
    """What is read and what is set, in functions too."""
    assert globals_of("local a = b; c = a; return function() local t = {} t.f = 1 return d(t) end") == "b c d"


#: The files every state begins with, which save memory by naming the state's own globals (see core.lua).
FIRST = ("core", "budget", "begin", "env", "text", "builders")


@pytest.mark.parametrize("name", PRELUDE)
def test_no_file_names_a_global(globals_of, name: str) -> None:
    """But those a state begins with, and they name only what stays."""
    named = set(globals_of(prelude_files()[name].read_text()).split())
    if name not in FIRST:
        assert named == set()
    elif name == "core":
        assert named - KEPT == {"debug"}  # while it is loaded, before that is dropped
    else:
        assert named <= KEPT
