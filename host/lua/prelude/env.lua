-- What a script may name: its global table, built fresh for each run. Each name is made when it is first used; the
-- host says from what (host.run.names).
local core = ...
local host = core.host
local NAME, PRELUDE = 10, 9

local env = { _VERSION = "Lua 5.1" }
env._G = env
core.env = env
core.makers = {} -- prelude file -> function(name, a, b) that makes the global

setmetatable(env, { __metatable = false, __index = function(globals, key)
  if type(key) ~= "string" then return nil end
  local file, a, b = host(NAME, key)
  if file == nil then return nil end
  local value
  if file == "" then
    value = core[key] -- Lua's own
  elseif a == nil then -- the bytecode of a file that sets env[key], and maybe more
    core.load_code(file)
    return rawget(globals, key)
  else
    if not core.makers[file] then core.load_code(host(PRELUDE, file)) end
    value = core.makers[file](key, a, b)
  end
  rawset(globals, key, value)
  return value
end })

-- Methods on strings: the library's safe versions, loaded when a script first uses one.
local string_meta = getmetatable("")
string_meta.__metatable = false
function string_meta.__index(_, key)
  string_meta.__index = env.string
  return env.string[key]
end
