-- The basic functions that are not quite Lua's own.
local core = ...
local host, env, type, error, rawequal, getmetatable, select, to_text = core.host, core.globals, core.type, core.error,
  core.rawequal, core.getmetatable, core.select, core.to_text
local concat = core.table.concat
local OUT = 5 -- protocol

-- Strings' and host values' metatables are protected by __metatable = false; false is not a table to hand out.
function env.getmetatable(value)
  local kind = type(value)
  if kind ~= "table" then return nil end
  local meta = getmetatable(value)
  if rawequal(meta, core.answer_meta) or rawequal(meta, core.array_meta) or rawequal(meta, core.packed_meta) then return nil end
  local page_of = core.rawget(core, "page_of")
  if page_of and page_of(value) then return nil end
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

-- Only "count" does what Lua's does: the host decides when garbage is collected. The others return what Lua's would.
local ANSWERS = { collect = 0, stop = 0, restart = 0, step = true, setpause = 200, setstepmul = 200, isrunning = true }

function env.collectgarbage(what)
  if what == nil then what = "collect" end
  if what == "count" then return core.collectgarbage("count") end
  local answer = ANSWERS[what]
  if answer == nil then error("bad argument #1 to 'collectgarbage' (invalid option '" .. to_text(what) .. "')", 2) end
  return answer
end
