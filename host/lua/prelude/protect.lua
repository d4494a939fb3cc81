-- pcall and xpcall. Every error they catch looks at the budget: at the top of a full stack the hook itself overflows,
-- and a loop that catches that would never be stopped. Down here, where it is caught, there is room.
local core = ...
local env, pcall, tick = core.globals, core.pcall, core.tick

local function caught(ok, ...)
  if not ok then
    if (...) == "not enough memory" then core.exhausted() end
    tick()
  end
  return ok, ...
end

function core.protected(fn, ...)
  return caught(pcall(fn, ...))
end
env.pcall = core.protected

-- The handler runs after unwinding, as ordinary code under the budget; its own error takes the place of the first.
local function handled(handler, ok, ...)
  caught(ok, ...)
  if ok then return true, ... end
  local _, value = caught(pcall(handler, ...))
  return false, value
end

function env.xpcall(fn, handler, ...)
  return handled(handler, pcall(fn, ...))
end
