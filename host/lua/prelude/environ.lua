-- env: the environment's names that are granted.
local core = ...
local type, raise, tool = core.type, core.raise, core.tool

local proxy = core.newproxy(true)
local meta = core.getmetatable(proxy)
meta.__metatable = false
meta.__index = function(_, name)
  if type(name) ~= "string" then return nil end
  return tool("env", name)
end
meta.__newindex = function() raise { kind = "denied", message = "env cannot be assigned to" } end
meta.__tostring = function() return "env" end
core.globals.env = proxy
