#!/usr/bin/env lua
-- What libraries for many versions of Lua look at when they are loaded.
local M = { name = ... }
local string, table, math, bit = require("string"), require("table"), require("math"), require("bit")
local load, unpack = loadstring or load, table.unpack or unpack
local version, is_jit = _VERSION, type(jit) == "table"
local is_windows = package.config:sub(1, 1) == "\\"
local has_utf8, has_ffi = pcall(require, "utf8"), pcall(require, "ffi")
local here = debug.getinfo(1, "S")
M.file = here.source:sub(2):match("[^/]*$")
M.kind = here.what
M.sum = bit.band(0xff, 0x0f) + math.floor(1.5)
M.joined = table.concat({ unpack { "a", "b" } }, string.rep("-", 2))
M.facts = { version, is_jit, is_windows, has_utf8, has_ffi, load("return 1")() }
collectgarbage() collectgarbage("collect") collectgarbage("step")
M.memory = collectgarbage("count")
io.stdout:write(""):flush()
function M.where()
  local info = debug.getinfo(2, "Sl") -- no tail call, which would take this level away
  return info
end
function M.guarded(fn) return xpcall(fn, function(err) return debug.traceback(err, 2) end) end
return M
