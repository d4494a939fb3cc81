"""The lines of a Lua text that can be reached, according to LuaJIT's bytecode.

The text is compiled in a separate state and not run. A line counts if an instruction of it may be executed. The
instruction that makes a function stands at that function's last line; what is counted is the line it begins at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec
from lupa import luajit21 as _lupa

__all__ = ["ExecutableLines", "executable_lines"]

MEMORY = 256 << 20

# A function as "begin: line line … > end begin end begin", those behind ">" being the functions made in it.
_WALK = b"""
local source = ...
if source:byte() == 27 then return nil end
local main = load(source, "=text", "t")
if not main then return nil end
local util = require("jit.util")
local op = function(fn, pc) return (util.funcbc(fn, pc)) % 256 end
local FNEW = op(load("return function() end"), 1)
local out = {}
local function walk(fn)
  local about, lines, made = util.funcinfo(fn), {}, {}
  for pc = 1, about.bytecodes - 1 do
    local line, code = util.funcinfo(fn, pc).currentline, util.funcbc(fn, pc)
    if code % 256 == FNEW then
      local child = util.funck(fn, -(math.floor(code / 65536) % 65536) - 1)
      local known = util.funcinfo(child)
      made[#made + 1] = line .. " " .. known.linedefined
      walk(child)
    else
      lines[#lines + 1] = line
    end
  end
  out[#out + 1] = about.linedefined .. ": " .. table.concat(lines, " ") .. " > " .. table.concat(made, " ")
end
walk(main)
return table.concat(out, "\\n")
"""

# The end of a block, a call or a table is not counted as a line: after a return it is never reached.
_CLOSERS = re.compile(r"(?:end|else|do|then|[)}\];,\s])*(?:--.*)?")


class ExecutableLines(msgspec.Struct, frozen=True):
    """``lines`` are those that can be reached.

    ``own`` and ``made`` are keyed by a function's first line, 0 for the text itself: its lines; and where functions are
    made in it, and their first lines.
    """

    lines: frozenset[int]
    own: Mapping[int, frozenset[int]]
    made: Mapping[int, tuple[tuple[int, int], ...]]

    def reached(self, counts: Iterable[tuple[int, int, int]]) -> dict[int, int]:
        """How often each line was reached, by counts of (the function's first line, line, how often)."""
        found = dict.fromkeys(sorted(self.lines), 0)
        for begun, line, count in counts:
            own = self.own.get(begun, frozenset())
            for each in {line} & own | {at for end, at in self.made.get(begun, ()) if end == line}:
                if each in found:
                    found[each] = max(found[each], count)
        return found


def executable_lines(source: bytes) -> ExecutableLines | None:
    """The lines of a text; ``None`` of one that does not compile."""
    runtime = _lupa.LuaRuntime(encoding=None, register_eval=False, register_builtins=False, max_memory=MEMORY)
    try:
        found = runtime.execute(_WALK, source)
    except _lupa.LuaError:  # too large to compile
        return None
    if found is None:
        return None
    own: dict[int, frozenset[int]] = {}
    made: dict[int, tuple[tuple[int, int], ...]] = {}
    for function in bytes(found).decode().split("\n"):
        begun, _, rest = function.partition(":")
        lines, _, pairs = rest.partition(">")
        numbers = [int(each) for each in pairs.split()]
        at = int(begun)
        own[at] = own.get(at, frozenset()) | frozenset(map(int, lines.split()))
        made[at] = (*made.get(at, ()), *zip(numbers[::2], numbers[1::2], strict=True))
    every = frozenset().union(*own.values(), *({at for _, at in each} for each in made.values()))
    rows = re.split(r"\r\n|\n\r|\n|\r", source.decode("utf-8", "replace"))
    lines_ = frozenset(line for line in every if line > 0 and not _closes(rows, line))
    return ExecutableLines(lines_, own, made)


def _closes(rows: list[str], line: int) -> bool:
    return line <= len(rows) and _CLOSERS.fullmatch(rows[line - 1].strip()) is not None
