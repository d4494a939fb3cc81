-- pcall and xpcall. Every error they catch looks at the budget: at the top of a full stack the hook itself overflows,
-- and a loop that catches that would never be stopped. Down here, where it is caught, there is room.
local core = ...
local env, pcall, tick, type = core.globals, core.pcall, core.tick, core.type

-- Some of Lua's own errors come with what to do about them.
local function hinted(err)
  if type(err) == "string" then return core.hinted(err) end
  return err
end

local function caught(ok, ...)
  if ok then return ok, ... end
  if (...) == "not enough memory" then core.exhausted() end
  tick()
  return false, hinted((...))
end

function core.protected(fn, ...)
  return caught(pcall(fn, ...))
end
env.pcall = core.protected

-- Whether an error is what error() was given last: a text may have got a place before it.
local function is_raised(raised, err)
  local value = raised[1]
  if type(value) == "string" and type(err) == "string" then return core.string.sub(err, -#value) == value end
  return core.rawequal(value, err)
end

-- The handler runs after unwinding, as ordinary code under the budget; its own error takes the place of the first.
-- Meanwhile debug.traceback shows the stack that error() was called on.
local function handled(task, handler, ok, ...)
  task.handlers = task.handlers - 1
  if ok then return true, ... end
  if (...) == "not enough memory" then core.exhausted() end
  tick()
  local err, outer = ..., task.handling
  local raised = task.raised
  task.handling = raised and is_raised(raised, err) and raised[2] or nil
  local _, value = caught(pcall(handler, hinted(err)))
  task.handling = outer
  return false, value
end

function env.xpcall(fn, handler, ...)
  local task = core.run.current
  task.handlers = (task.handlers or 0) + 1
  return handled(task, handler, pcall(fn, ...))
end
