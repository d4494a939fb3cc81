-- The core of a run's Lua side: calls, tasks, and the driver the host resumes. Out of every script's reach.
--
-- host(code, …) is the one Python function of the state (codes: host/lua/protocol.py). It takes and gives nil,
-- booleans, numbers and strings only. enter(id, status, a, b), returned here, is the one function Python calls.
--
-- Ten thousand states live at once, so what most runs never need is in files of its own: naming core.<thing>
-- loads the file that is its home (host.lua.state.HOMES). Lua's own functions are found there too, unchanged.
-- For the same reason most of Lua's functions are named as globals here and in the other files a state begins with, not
-- kept in locals: each local that a function uses is an object, and these are the state's own globals, no script's. What
-- each call needs is in locals all the same: a global is found by way of four objects more.
local host, limit_tasks, limit_string, limit_memory = ...
local resume, yield, isyieldable = coroutine.resume, coroutine.yield, coroutine.isyieldable

local CALL, ENDED, HOME, ROOM = 1, 6, 15, 16 -- protocol
local ERROR = 1 -- protocol: status of a reply
local ABORT = -2 -- protocol: id for enter; START is the other below 0
local SPARE = 4096 -- KB a run may use beyond its limit for reporting how it ended

-- The tasks of this run, and its state.
local run = {
  current = false, -- the task that runs now
  pending = {}, -- id of a call the host will answer -> the task that waits for it, or {reply=function to call}
  ready = {}, first = 1, last = 0, -- tasks to be resumed, from first to last
  tasks = {}, -- all that have not ended, by their path
  live = 0, -- how many they are
  main = false,
  calls = 0, -- the last call's id
  dead = false, -- why the whole run is ending: an error table, or {exit=status}
  finished = false,
  trace = false, -- whether the host wants the line of each call
  given = true, -- whether the script has globals of its embedding program
  begin = false, -- what begins the script, until it is used
  frugal = false, -- whether many runs are alive, so that each is to leave little garbage
  closed = false, -- whether the end has been reported
  -- The budget: see budget.lua. Memory is in KB, as collectgarbage returns it.
  asked = 0, -- when the host was last asked
  every = 1000, left = 5000, -- instructions between two hooks, and until the clock is looked at
  second = 0, -- the system's, at the last hook
  most = limit_memory / 1024, -- how much may be in use before that is looked at
  over = false, -- how much was in use when the script got the error that its limit was reached
  spare = 0, -- what it may have beyond its limit
  close = 0, -- hooks at each of which the clock is looked at, as something large is there
  seen = limit_memory, looked = 0, -- how much was in use at the last look, and when that was
  stack = false, -- the coroutine that ran when LuaJIT itself was refused memory
}

local core = setmetatable({
  host = host, run = run, limit_tasks = limit_tasks, limit_string = limit_string, limit_memory = limit_memory,
}, {
  __index = function(core, key)
    local value = _G[key]
    if value ~= nil then return value end
    local code = host(HOME, key)
    if code == nil then return nil end
    core.load_code(code)
    return rawget(core, key)
  end,
})

-- Runs a file of the prelude: `code` is its bytecode, false where it does not fit into memory.
function core.load_code(code, ...)
  local file = code and loadstring(code, "=host")
  if not file then return error("not enough memory", 0) end
  return file(core, ...)
end

-- Tasks --------------------------------------------------------------------------------------------------
-- A task: co, path ("1.2"), calls (made so far), call (id it waits for), parent, ended, failed/error/stack or
-- n/results, waiters (called when it ends), children, kids, cancelled, in_place; and while it is to be resumed:
-- status, a, b of the reply, or BEGIN, the list of its arguments and their number.
local BEGIN = -1

local function make_ready(task, status, a, b)
  task.status, task.a, task.b = status, a, b
  if not task.in_place then
    local last = run.last + 1
    run.last, run.ready[last] = last, task
  end
end

-- What a task yields when it waits: a value that no script can get.
local park

local function settle(task, ok, ...)
  if ok and (...) == park then return end
  run.tasks[task.path] = nil
  local parent = task.parent
  if parent then parent.kids[task] = nil end
  run.live = run.live - 1
  task.ended = true
  if ok then
    task.n, task.results = select("#", ...), { ... }
  else
    task.failed, task.error, task.stack = true, ..., task.co
    if (...) == "not enough memory" then core.exhausted(task.co) end
    if task.on_fail then task.on_fail(task) end
  end
  local waiters = task.waiters
  task.waiters = nil
  if waiters then
    for i = 1, #waiters do waiters[i](task) end
  end
end

-- Resumes the next task that is ready; false if there is none.
local function run_one()
  local first = run.first
  if first > run.last then return false end
  local task = run.ready[first]
  run.ready[first] = nil
  if first == run.last then run.first, run.last = 1, 0 else run.first = first + 1 end
  if not task.ended then
    local outer, status, a, b = run.current, task.status, task.a, task.b
    task.status, task.a, task.b = nil, nil, nil
    run.current = task
    if status == BEGIN then
      settle(task, resume(task.co, unpack(a, 1, b)))
    else
      settle(task, resume(task.co, status, a, b))
    end
    run.current = outer
  end
  return true
end

-- Waits until make_ready(run.current, …) and gives what that was given: yields where it can, else serves the other
-- tasks in place. What a coroutine yields when it waits is this very function.
function park()
  if isyieldable() then return yield(park) end
  return core.in_place(run.current)
end

-- One call to the host. Gives status, a, b of its reply; raises the error it was answered with.
function core.call(kind, target, payload, options)
  local task = run.current
  if task.cancelled then core.check_cancelled(task) end
  local id, n = run.calls + 1, task.calls + 1
  run.calls, task.calls = id, n
  local status, a, b
  if run.trace then status, a, b = host(CALL, id, kind, target, payload, options, task.path, n, (core.where(3)))
  else status, a, b = host(CALL, id, kind, target, payload, options) end -- each argument costs, and nobody asks for these
  if status == nil then
    run.pending[id] = task
    task.call = id
    status, a, b = park()
    task.call = nil
  end
  if status == ERROR then return core.refuse(a) end
  return status, a, b
end

local function start_task(path, fn, parent, args, n)
  local task = { co = coroutine.create(fn), path = path, calls = 0 }
  if parent then task.parent = parent end
  run.tasks[path] = task
  run.live = run.live + 1
  make_ready(task, BEGIN, args, n)
  return task
end

core.make_ready, core.run_one, core.park, core.start_task = make_ready, run_one, park, start_task

-- Passes a reply to the task that waits for it.
function core.route(id, status, a, b)
  local who = run.pending[id]
  if who == nil then return end
  run.pending[id] = nil
  if who.reply then return who.reply(status, a, b) end
  make_ready(who, status, a, b)
end

local sethook = debug.sethook
core.debug = { sethook = sethook, getinfo = debug.getinfo, getmetatable = debug.getmetatable }
core.set_env, core.env_of = debug.setfenv, debug.getfenv -- opaque values: see tags.lua

-- The end ------------------------------------------------------------------------------------------------
local function ended(how, value, co, cause, task)
  run.finished = true
  sethook()
  host(ROOM) -- a script may have filled its memory
  local used = collectgarbage("count")
  local over = used - limit_memory / 1024
  run.spare, run.over, run.most = (over > 0 and over or 0) + SPARE, false, 0
  if rawget(core, "report_lines") then core.report_lines() end
  if how == "value" and value.n < 2 and value.results[1] == nil then host(ENDED, "\192")
  else core.ending(how, value, co, cause, task) end
  run.closed = true
  return 0
end
core.ended = ended

-- Resumes tasks until all wait; returns how many do, 0 when the run is at its end.
local function advance()
  local main = run.main
  while run.last > 0 and not run.dead and not main.failed do run_one() end
  local dead = run.dead
  if dead then
    if dead.exit then return ended("exit", dead.exit) end
    return ended("error", dead, run.stack, nil, not run.stack and main.failed and main or nil)
  end
  if main.failed then return ended("error", main.error, main.stack, main.cause, main) end
  if run.live > 0 and next(run.pending) ~= nil then return run.live end
  local lost = rawget(core, "lost") and core.lost() -- a failed task whose error nobody took
  if lost then return ended("error", lost.error, lost.stack, lost.cause, lost) end
  if run.live > 0 then return ended("error", core.stuck(), main.co) end
  return ended("value", main)
end
core.advance = advance

return core, function(id, status, a, b)
  if run.finished then return 0 end
  if id < 0 then
    local main = run.main
    if id == ABORT then return ended("abort", a, main and main.co, nil, main and not main.ended and main or nil) end
    local begin = run.begin
    run.begin = false
    return begin(core, status, a, b)
  end
  local who = run.pending[id]
  if who and who.co then -- a task: resumed at once, as nothing else is ready
    run.pending[id] = nil
    run.current = who
    settle(who, resume(who.co, status, a, b))
    run.current = false
  else
    core.route(id, status, a, b)
  end
  return advance()
end
