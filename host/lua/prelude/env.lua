-- What a script may name: its global table, built fresh for each run. Everything bigger is loaded when first named.
local core = ...
local host, type, error, rawset, rawget, setmetatable, getmetatable, select, pcall, tostring =
  core.host, core.type, core.error, core.rawset, core.rawget, core.setmetatable, core.getmetatable, core.select,
  core.pcall, core.tostring
local rawequal = core.rawequal
local byte, concat, load, load_prelude = core.string.byte, core.table.concat, core.load, core.load_prelude
local OUT, NAME = 5, 10

local env, lazy = {}, {}
core.env, core.lazy = env, lazy

local function libraries(name, ...) -- these globals come from the prelude file of that name
  for i = 1, select("#", ...) do lazy[select(i, ...)] = name end
end
libraries("strings", "string")
libraries("coroutines", "coroutine")
libraries("tasks", "spawn", "wait_any", "parallel", "map", "sleep", "with_timeout")
libraries("library", "json", "inspect", "log", "os", "io", "table", "math", "require", "load", "loadstring", "try", "env", "STRIPE_API_KEY", "args")

function core.compile(source, name)
  if byte(source, 1) == 27 then return nil, "precompiled Lua is not accepted, only source text" end
  return load(source, name, "t", env)
end

for _, name in core.ipairs {
  "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawset", "select", "setmetatable",
  "tonumber", "tostring", "type", "unpack", "bit",
} do env[name] = core[name] end
env._VERSION = "Lua 5.1"
env._G = env

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
    if type(v) ~= "string" then
      v = tostring(v)
      if type(v) ~= "string" then error("'tostring' must return a string to 'print'", 2) end
      out[i] = v
    end
  end
  local refused = host(OUT, concat(out, "\t", 1, n) .. "\n")
  if refused then core.refuse(refused) end
end

-- The handler runs after unwinding, as ordinary code under the budget.
local function handled(handler, ok, ...)
  if ok then return true, ... end
  return false, handler(...)
end
function env.xpcall(fn, handler, ...)
  return handled(handler, pcall(fn, ...))
end

function env.collectgarbage(what)
  if what == "count" or what == nil then return core.collectgarbage("count") end
  error("collectgarbage: only \"count\" is available", 2)
end

core.makers = {} -- prelude file -> function(name, a, b) that makes the global
local function missing(table_, key)
  if type(key) ~= "string" then return nil end
  local file, a, b = lazy[key], nil, nil
  if file then
    load_prelude(core, file)
    return rawget(table_, key)
  end
  file, a, b = host(NAME, key)
  if file == nil then return nil end
  local make = core.makers[file]
  if not make then
    load_prelude(core, file)
    make = core.makers[file]
  end
  local value = make(key, a, b)
  rawset(table_, key, value)
  return value
end
setmetatable(env, { __index = missing, __metatable = false })

-- Methods on strings: the library's safe versions, loaded when a script first uses one.
local string_meta = getmetatable("")
string_meta.__metatable = false
string_meta.__index = function(_, key)
  string_meta.__index = env.string
  return env.string[key]
end
