-- The heart of a run's Lua side: calls, tasks, and the driver the host resumes. Out of every script's reach.
--
-- host(code, …) is the one Python function of the state (codes: host/lua/protocol.py). It takes and gives nil,
-- booleans, numbers and strings only. enter(id, status, a, b), returned here, is the one function Python calls.
--
-- Ten thousand states live at once, so what most runs never need is in files of its own: naming core.<thing>
-- loads the file that is its home (host.lua.state.HOMES). Lua's own functions are found there too, unchanged.
local host, limit_tasks, limit_string = ...
local G = _G
local type, error, select, rawget, rawequal, setmetatable, loadstring = type, error, select, rawget, rawequal, setmetatable, loadstring
local unpack = unpack
local co_create, co_resume, co_yield, co_status, co_running, co_yieldable = coroutine.create, coroutine.resume,
  coroutine.yield, coroutine.status, coroutine.running, coroutine.isyieldable
local sethook, collect = debug.sethook, collectgarbage

local CALL, TICK, ENDED, PRELUDE, HOME, ROOM = 1, 2, 6, 9, 15, 16
local ERROR = 1 -- status of a reply
local START, ABORT = -1, -2 -- ids for enter
local TICK_EVERY = 5000 -- instructions: one may take long (a join of texts of 60 MB), so the clock is looked at often
local TICK_SECONDS = 0.002 -- of processor time, after which the host is asked

local function load_prelude(core, name)
  local code = host(PRELUDE, name)
  if not code then return error("not enough memory", 0) end
  return loadstring(code, "=host")(core)
end

local core = setmetatable({
  host = host, load_prelude = load_prelude, debug = debug, limit_tasks = limit_tasks, limit_string = limit_string,
}, {
  __index = function(core, key)
    local value = G[key]
    if value ~= nil then return value end
    local file = host(HOME, key)
    if not file then return nil end
    load_prelude(core, file)
    return rawget(core, key)
  end,
})

-- Opaque and per-object values are userdata whose private state is their environment table: no script can
-- reach it (debug is gone) and it needs no weak table.
local env_of = debug.getfenv
core.set_env, core.env_of = debug.setfenv, env_of
function core.tag_of(value, tag)
  if type(value) ~= "userdata" then return nil end
  local env = env_of(value)
  return env and env.tag == tag and env or nil
end

-- Where a script last named an operation: `return product:create()` is a tail call, which leaves no frame of the
-- script's on the stack for an error to tell its line from.
local getinfo, marked = debug.getinfo, nil
function core.mark() marked = getinfo(3, "Sl") end
function core.marked() return marked end

-- Tasks --------------------------------------------------------------------------------------------------
-- A task: co, path ("1.2"), calls (made so far), call (id it waits for), ended, failed/error/stack or n/results,
-- waiters (called when it ends), kids, parent, cancelled, in_place; and while woken: status, a, b.
local current -- the task that runs now
local pending = {} -- call id -> the task that waits for it, or a function to call
local waiting = 0 -- entries of pending that the host will answer
local ready, first, last = {}, 1, 0
local live, next_call = 0, 0
local tasks = {} -- all that have not ended, by their path
local main, dead -- dead: why the whole run is ending (an error table, or {exit=status})
local trace = false -- whether the host wants the line of each call
local finished = false

local PARK = {} -- what coroutines yield when they wait
core.PARK, core.tasks = PARK, tasks

local function make_ready(task, status, a, b)
  task.status, task.a, task.b, task.woken = status, a, b, true
  if not task.in_place then
    last = last + 1
    ready[last] = task
  end
end

local function route(id, status, a, b)
  local who = pending[id]
  if who == nil then return end
  pending[id] = nil
  waiting = waiting - 1
  if type(who) == "function" then return who(status, a, b) end
  make_ready(who, status, a, b)
end

local function settle(task, ok, ...)
  local co = task.co
  if ok and co_status(co) ~= "dead" then return end -- parked
  tasks[task.path] = nil
  local parent = task.parent
  if parent then parent.kids[task] = nil end
  live = live - 1
  task.ended = true
  if ok then
    task.n, task.results = select("#", ...), { ... }
  else
    task.failed, task.error, task.stack = true, ..., co
    if task.on_fail then task.on_fail(task) end
  end
  local waiters = task.waiters
  task.waiters = nil
  if waiters then
    for i = 1, #waiters do waiters[i](task) end
  end
end

local function step(task)
  local outer, status, a, b = current, task.status, task.a, task.b
  task.status, task.a, task.b, task.woken = nil, nil, nil, nil
  current = task
  local args = task.args
  if args then
    task.args = nil
    settle(task, co_resume(task.co, unpack(args, 1, args.n)))
  else
    settle(task, co_resume(task.co, status, a, b))
  end
  current = outer
end

local function run_one()
  if first > last then return false end
  local task = ready[first]
  ready[first] = nil
  first = first + 1
  if first > last then first, last = 1, 0 end
  if not task.ended then step(task) end
  return true
end

-- Waits until make_ready(current, …) and gives what that was given: yields where it can, else serves the other
-- tasks in place.
local function park()
  if co_yieldable() then return co_yield(PARK) end
  return core.in_place(current)
end

-- One call to the host. Gives status, a, b of its reply; raises the error it was answered with.
local function call(kind, target, payload, options)
  local task = current
  if task.cancelled then core.check_cancelled(task) end
  local id = next_call + 1
  next_call = id
  local n = task.calls + 1
  task.calls = n
  local status, a, b = host(CALL, id, kind, target, payload, options, task.path, n, trace and core.where(3) or nil)
  if status == nil then
    pending[id] = task
    waiting = waiting + 1
    task.call = id
    status, a, b = park()
    task.call = nil
  end
  if status == ERROR then return core.refuse(a) end
  return status, a, b
end

local function start_task(parent, fn, n, ...)
  local path = "1"
  local task = { co = co_create(fn), args = { n = n, ... }, calls = 0, children = 0, parent = parent }
  if parent then
    if live >= limit_tasks then
      core.raise { kind = "limit", message = "more than " .. limit_tasks .. " tasks at once" }
    end
    local child = parent.children + 1
    parent.children = child
    path = parent.path .. "." .. child
    parent.kids = parent.kids or {}
    parent.kids[task] = true
  end
  task.path = path
  tasks[path] = task
  live = live + 1
  last = last + 1
  ready[last] = task
  return task
end

core.make_ready, core.route, core.run_one, core.park, core.call, core.start_task =
  make_ready, route, run_one, park, call, start_task
function core.current(task) -- the task that runs now; given one, makes it that
  current = task or current
  return current
end
function core.wait_id(who) -- a new call's id, answered to who once it is pending
  next_call = next_call + 1
  return next_call, function() pending[next_call], waiting = who, waiting + 1 end
end
function core.is_waiting(id)
  if id then return pending[id] ~= nil end
  return waiting > 0
end
function core.why_dead() return dead end

local clock, asked = os.clock, 0

-- The budget hook: asks the host now and then, and once the answer is "stop" unwinds every level. A script may have
-- left neither memory nor stack for it, so it makes room first, notes that the run is over, and only then tells where.
local WHY = { "limit", "timeout", "interrupted", "closed" } -- by what TICK answers
local killed = { kind = false, message = false, line = false, script = false }

-- A small state collects seldom: what it would save is less than what going through all of it costs.
local ROOMY, roomy = 1024, false -- KB from which on a state is no longer small

local tick
function tick()
  if dead then
    if not co_running() then return sethook() end
    sethook(tick, "", 1)
    return error(dead, 0)
  end
  if roomy and collect("count") > ROOMY then
    roomy = false
    collect("setpause", 200)
  end
  local now = clock()
  if now - asked < TICK_SECONDS or not co_running() then return end -- the driver's own steps are few
  asked = now
  local code, message = host(TICK)
  if code == 0 then return end
  host(ROOM)
  dead = killed
  killed.kind, killed.message = WHY[code], message or "the run was stopped"
  core.locate(killed)
  sethook(tick, "", 1)
  return error(dead, 0)
end
core.tick = tick

function core.die(why)
  dead = why
  sethook(tick, "", 1)
  return error(dead, 0)
end

-- The end ------------------------------------------------------------------------------------------------
local function ended(how, value, co)
  finished = true
  sethook()
  host(ROOM) -- a script may have filled its memory
  if how == "value" and value == nil then host(ENDED, "\192")
  else core.ending(how, value, co) end
  return 0
end

local function advance()
  while not dead do
    if not run_one() or main.failed then break end
  end
  if dead then
    if dead.exit then return ended("exit", dead.exit) end
    return ended("error", dead)
  end
  if main.failed then return ended("error", main.error, main.stack) end
  if live > 0 and waiting > 0 then return live end
  local lost = rawget(core, "lost") and core.lost() -- a failed task whose error nobody took
  if lost then return ended("error", lost.error, lost.stack) end
  if live > 0 then return ended("error", core.stuck(), main.co) end
  return ended("value", main.results[1])
end

-- Where many runs live at once, each gives back its garbage when it waits and has some: what loading left behind first.
local most -- KB from which on there is some; nil where runs are few
local function rest()
  local left = advance()
  if most and left > 0 and collect("count") > most then
    collect()
    most = 1.4 * collect("count")
  end
  return left
end

local function enter(id, status, a, b)
  if finished then return 0 end
  if id == START then
    trace = b % 2 == 1
    local chunk, message
    if b >= 8 then -- the host's own bytecode of it (host.lua.chunks)
      chunk = core.load(a, status, "b", core.env)
      b = b - 8
    end
    if b >= 4 then
      load_prelude(core, "durable")
      b = b - 4
    end
    if not chunk then chunk, message = core.compile(a, status) end
    if not chunk then return ended("syntax", message) end
    sethook(tick, "", TICK_EVERY)
    main = start_task(nil, chunk, 0)
    collect("restart", -1) -- stopped while the prelude was loaded
    if b >= 2 then
      most = 0
    else
      roomy = true
      collect("setpause", 400)
    end
    return rest()
  elseif id == ABORT then
    return ended("abort", a, main.co)
  end
  route(id, status, a, b)
  return rest()
end

return enter, core
