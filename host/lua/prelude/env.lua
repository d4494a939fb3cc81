-- What a script may name: its global table, built fresh for each run. Each name is made when it is first used; the
-- host says from what (host.run.names), but for Lua's own functions in a run that is given no globals.
local core = ...
local host, run = core.host, core.run
local NAME, PRELUDE = 10, 9
local OWN = " {own} "

local env = { _VERSION = "Lua 5.1" }
env._G = env
core.env = env
core.makers = {} -- prelude file -> function(name, a, b) that makes the global

local function make(globals, key, file, a, ...)
  if file == nil then return nil end
  if file == 1 then return core.refuse(a) end
  if file == "" then
    rawset(globals, key, core[key]) -- Lua's own
  elseif a == nil or string.byte(file) == 27 then -- the bytecode of a file that sets env[key], and maybe more
    core.load_code(file, a)
  else
    if not core.makers[file] then core.load_code(host(PRELUDE, file)) end
    rawset(globals, key, core.makers[file](key, a, ...))
  end
  return rawget(globals, key)
end

setmetatable(env, { __metatable = false, __index = function(globals, key)
  if type(key) ~= "string" then return nil end
  if not run.given and string.find(OWN, " " .. key .. " ", 1, true) then
    return make(globals, key, "")
  end
  return make(globals, key, host(NAME, key))
end })

-- Methods on strings: the library's safe versions, loaded when a script first uses one.
local string_meta = getmetatable("")
string_meta.__metatable = false
function string_meta.__index(_, key)
  if not rawget(core, "strings") then core.load_code(host(PRELUDE, "strings")) end
  string_meta.__index = core.strings
  return core.strings[key]
end
