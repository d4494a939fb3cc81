"""Whether a text is Lua, according to LuaJIT's own compiler; nothing of it is run."""

from __future__ import annotations

import lupa.luajit21 as _lupa

from host.lua.state import COMPILING

__all__ = ["syntax_fault"]

_CHECK = b"""
local source, name = ...
if source:byte() == 27 then return name:sub(2) .. ":1: it is bytecode, not Lua text" end
local at = 1
local compiled, message = load(function()
  local piece = source:sub(at, at + 65535)
  at = at + 65536
  return piece
end, name, "t")
return compiled and "" or message
"""


def syntax_fault(source: bytes, name: str) -> str:
    """What LuaJIT says of a text that does not compile, its place before it; "" of one that does.

    For texts of whoever runs the host: the time that compiling takes is not bounded.
    """
    runtime = _lupa.LuaRuntime(encoding=None, register_eval=False, register_builtins=False, max_memory=COMPILING)
    try:
        said = runtime.execute(_CHECK, source, b"@" + name.encode("utf-8", "surrogateescape"))
    except _lupa.LuaError:
        return f"{name}:1: it is too large to compile"
    return bytes(said).decode("utf-8", "replace")
