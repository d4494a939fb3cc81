-- What a script may name: its global table, built fresh for each run. Each name is made when it is first used; the
-- host says from what (host.run.names).
local core = ...
local host, type, rawget, rawset, load, load_prelude = core.host, core.type, core.rawget, core.rawset, core.load, core.load_prelude
local NAME = 10

local env = { _VERSION = "Lua 5.1" }
env._G = env
core.env = env
core.makers = {} -- prelude file -> function(name, a, b) that makes the global

function core.compile(source, name)
  if core.string.byte(source, 1) == 27 then return nil, "precompiled Lua is not accepted, only source text" end
  return load(source, name, "t", env)
end

local function missing(table_, key)
  if type(key) ~= "string" then return nil end
  local file, a, b = host(NAME, key)
  if file == nil then return nil end
  local value
  if file == "" then
    value = core[key] -- Lua's own
  elseif a == nil then
    load_prelude(core, file) -- a file that sets env[key], and maybe more
    return rawget(table_, key)
  else
    if not core.makers[file] then load_prelude(core, file) end
    value = core.makers[file](key, a, b)
  end
  rawset(table_, key, value)
  return value
end
core.setmetatable(env, { __index = missing, __metatable = false })

-- Methods on strings: the library's safe versions, loaded when a script first uses one.
local string_meta = core.getmetatable("")
string_meta.__metatable = false
function string_meta.__index(_, key)
  string_meta.__index = env.string
  return env.string[key]
end
