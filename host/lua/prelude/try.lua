-- try(fn, …): what fn gives, or nil and its error.
local core = ...
local env, type, raise = core.globals, core.type, core.raise

local function tried(ok, ...)
  if ok then return ... end
  return nil, (...)
end
function env.try(fn, ...)
  if type(fn) ~= "function" then
    raise { kind = "invalid", message = "try expects a function and its arguments, got " .. (fn == nil and "nothing" or "a " .. type(fn)) }
  end
  return tried(core.protected(fn, ...))
end

