-- log.info(…) and its sisters.
local core = ...
local type, select, to_text, tool, inspect = core.type, core.select, core.to_text, core.tool, core.inspect
local concat, where = core.table.concat, core.where

local log = {}
for _, level in core.ipairs { "debug", "info", "warn", "error" } do
  log[level] = function(...)
    core.refuse_colon(log, (...), "log." .. level)
    local n, out = select("#", ...), { ... }
    for i = 1, n do out[i] = type(out[i]) == "table" and inspect(out[i]) or to_text(out[i]) end
    tool("log", level, concat(out, " ", 1, n) .. "\0" .. to_text(where(3) or ""))
  end
end
core.globals.log = log
