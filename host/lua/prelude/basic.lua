-- The basic functions that are not quite Lua's own.
local core = ...
local host, env, type, error, rawequal, getmetatable, select, to_text = core.host, core.globals, core.type, core.error,
  core.rawequal, core.getmetatable, core.select, core.to_text
local concat = core.table.concat
local OUT = 5

-- Strings' and host values' metatables are protected by __metatable = false; false is not a table to hand out.
function env.getmetatable(value)
  local kind = type(value)
  if kind ~= "table" then return nil end
  local meta = getmetatable(value)
  if rawequal(meta, core.answer_meta) or rawequal(meta, core.array_meta) then return nil end
  return meta or nil
end

function env.print(...)
  local n, out = select("#", ...), { ... }
  for i = 1, n do
    local v = out[i]
    if type(v) ~= "string" then out[i] = to_text(v) end
  end
  local refused = host(OUT, concat(out, "\t", 1, n) .. "\n")
  if refused then core.refuse(refused) end
end

function env.collectgarbage(what)
  if what == "count" or what == nil then return core.collectgarbage("count") end
  error("collectgarbage: only \"count\" is available", 2)
end
