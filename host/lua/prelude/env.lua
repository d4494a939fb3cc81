-- The names of a script: its global table, built fresh for each run. Each name is made when it is first used; the
-- host says from what (host.lua.globals), but for Lua's own functions in a run that is given no globals.
local core = ...
local host, run = core.host, core.run
local NAME, PRELUDE = 10, 9 -- protocol
local OWN = " {own} "

local env = { _VERSION = "Lua 5.1" }
env._G = env
core.env = env
-- What files of the prelude offer as globals. A script gets each when it first names it: it may have one of its own of
-- that name. The host's own code never uses `env`, where a script may put anything.
local offered = {}
core.globals = offered
core.makers = {} -- prelude file -> function(name, a, b) that makes the global

local function make(globals, key, file, a, ...)
  if file == nil then return nil end
  if file == 1 then return core.refuse(a) end
  if file == "" then return core[key] end -- Lua's own
  if a == nil or string.byte(file) == 27 then -- the bytecode of a file that offers it, and maybe more
    if offered[key] == nil then core.load_code(file, a) end
    return offered[key] or rawget(globals, key)
  end
  if not core.makers[file] then core.load_code(host(PRELUDE, file)) end
  return core.makers[file](key, a, ...)
end

setmetatable(env, { __metatable = false, __index = function(globals, key)
  if type(key) ~= "string" then return nil end
  local value
  if not run.given then -- else the host says first whether the name is its embedding program's
    value = offered[key]
    if value == nil and string.find(OWN, " " .. key .. " ", 1, true) then value = core[key] end
  end
  if value == nil then value = make(globals, key, host(NAME, key)) end
  if value ~= nil then rawset(globals, key, value) end
  return value
end })

-- Methods on strings: the library's safe versions, loaded when a script first uses one.
local string_meta = getmetatable("")
string_meta.__metatable = false
function string_meta.__index(_, key)
  string_meta.__index = core.strings
  return core.strings[key]
end
