-- The coroutine library. A blocking call inside a script's own coroutine is forwarded through every resume
-- up to the task's root; a level that cannot yield (under table.sort, say) waits in place instead.
local core = ...
local type, error, rawequal, setmetatable, coroutine = core.type, core.error, core.rawequal, core.setmetatable, core.coroutine
local co_create, co_resume, co_yield, co_status, co_running, co_yieldable = coroutine.create, coroutine.resume,
  coroutine.yield, coroutine.status, coroutine.running, coroutine.isyieldable
local park = core.park -- also what a coroutine yields that waits

local ours = setmetatable({}, { __mode = "k" }) -- coroutines the script made

local busy = setmetatable({}, { __mode = "k" }) -- those of them that wait for a call

-- Each level uses the C stack, which has no other guard.
local MOST_LEVELS = 100
local level = 0

local function left(...)
  level = level - 1
  return ...
end

local function resume(co, ...)
  if level >= MOST_LEVELS then return false, "C stack overflow (coroutines resume each other more than 100 deep)" end
  level = level + 1
  return left(co_resume(co, ...))
end

-- What a coroutine yielded: a wait is passed on to the level below, where it may be served in place.
local function forward(co, ok, first_value, ...)
  if ok and rawequal(first_value, park) then
    busy[co] = true
    local status, a, b = park()
    busy[co] = nil
    return forward(co, resume(co, status, a, b))
  end
  if not ok and first_value == "not enough memory" then
    core.exhausted()
    core.tick()
  end
  return ok, first_value, ...
end

-- Runs fn(…) in a coroutine of its own, which no script gets hold of: gives the coroutine, and what resume would.
function core.apart(fn, ...)
  local co = co_create(fn)
  return co, forward(co, resume(co, ...))
end

local lib = {}

function lib.create(fn)
  if type(fn) ~= "function" then
    error("bad argument #1 to 'create' (function expected, got " .. type(fn) .. ")", 2)
  end
  local co = co_create(fn)
  ours[co] = true
  return co
end

local function resumed(ok, ...)
  if ok or type((...)) ~= "string" then return ok, ... end
  return false, core.hinted((...))
end

function lib.resume(co, ...)
  if type(co) ~= "thread" then
    error("bad argument #1 to 'resume' (coroutine expected, got " .. type(co) .. ")", 2)
  end
  if busy[co] then return false, "cannot resume non-suspended coroutine" end
  return resumed(forward(co, resume(co, ...)))
end

local function unwrap(co, ok, ...)
  if ok then return ... end
  return core.rethrow((...), co)
end

function lib.wrap(fn)
  if type(fn) ~= "function" then
    error("bad argument #1 to 'wrap' (function expected, got " .. type(fn) .. ")", 2)
  end
  local co = co_create(fn)
  ours[co] = true
  return function(...)
    if busy[co] then error("cannot resume non-suspended coroutine", 2) end
    return unwrap(co, forward(co, resume(co, ...)))
  end
end

function lib.yield(...)
  local co = co_running()
  if not co or not ours[co] then error("attempt to yield from outside a coroutine", 2) end
  return co_yield(...)
end

function lib.status(co)
  if busy[co] then return "normal" end
  return co_status(co)
end

function lib.running()
  local co = co_running()
  return co and ours[co] and co or nil
end

function lib.isyieldable()
  local co = co_running()
  return (co and ours[co] and co_yieldable()) or false
end

core.globals.coroutine = lib
