-- The heart of a run's Lua side: captured originals, errors, calls, tasks and the driver the host resumes.
-- Called once per state as core(host) -> enter; everything below is out of a script's reach.
--
-- host(code, …) is the one Python function of the state (codes: host/lua/protocol.py). It takes and gives
-- nil, booleans, numbers and strings only. enter(id, status, a, b) is the one function Python calls.
local host, limit_tasks, limit_string = ...

local type, next, pairs, ipairs, select, error, pcall, tostring, rawget, rawset, rawequal, setmetatable, getmetatable =
  type, next, pairs, ipairs, select, error, pcall, tostring, rawget, rawset, rawequal, setmetatable, getmetatable
local unpack, loadstring, newproxy = unpack, loadstring, newproxy
local co_create, co_resume, co_yield, co_status, co_running, co_yieldable = coroutine.create, coroutine.resume,
  coroutine.yield, coroutine.status, coroutine.running, coroutine.isyieldable
local getinfo, sethook, env_of, set_env = debug.getinfo, debug.sethook, debug.getfenv, debug.setfenv
local sub, find, format, concat, floor = string.sub, string.find, string.format, table.concat, math.floor

local CALL, TICK, WAIT, CANCEL, ENDED, FAILED, PRELUDE = 1, 2, 3, 4, 6, 7, 9
local VALUE, ERROR = 0, 1 -- status of a reply
local START, ABORT = -1, -2 -- ids for enter
local TICK_EVERY = 1000000 -- instructions, about 2 ms
local MAX_NESTED = 40 -- waits in place inside one another; LuaJIT's C stack allows 200

local core = {
  host = host, type = type, next = next, rawget = rawget, rawset = rawset, rawequal = rawequal, pcall = pcall,
  setmetatable = setmetatable, getmetatable = getmetatable, tostring = tostring, tonumber = tonumber, error = error,
  select = select, unpack = unpack, ipairs = ipairs, pairs = pairs, loadstring = loadstring, load = load, newproxy = newproxy,
  assert = assert, gcinfo = collectgarbage, env_of = env_of, set_env = set_env, co_create = co_create, co_resume = co_resume,
  co_yield = co_yield, co_status = co_status, co_running = co_running, co_yieldable = co_yieldable, char = string.char,
  byte = string.byte, sub = sub, find = find, format = format, rep = string.rep, gsub = string.gsub, match = string.match,
  concat = concat, insert = table.insert, sort = table.sort, floor = floor, ldexp = math.ldexp, getinfo = getinfo,
  limit_tasks = limit_tasks, limit_string = limit_string, string = string, table = table, math = math, bit = bit, os = os,
}

-- Opaque and per-object values are userdata whose private state is their environment table: no script can
-- reach it (debug is gone) and it needs no weak table.
local tag_of = function(value, tag)
  if type(value) ~= "userdata" then return nil end
  local env = env_of(value)
  return env and env.tag == tag and env or nil
end
core.tag_of = tag_of
core.secret_parts = function(value)
  local env = tag_of(value, "secret")
  return env and env.parts
end

-- Where the script is: the innermost frame of the script's own code.
local function where(level)
  while true do
    local info = getinfo(level, "Sl")
    if not info then return nil end
    if sub(info.source, 1, 1) == "@" and info.currentline > 0 then return info.currentline, sub(info.source, 2) end
    level = level + 1
  end
end

local error_meta = { __metatable = false }
core.error_meta = error_meta

local function raise(facts, line, script)
  if not facts.line then
    if not line then line, script = where(3) end
    facts.line, facts.script = line, script
  end
  return error(setmetatable(facts, error_meta), 0)
end
core.raise, core.where = raise, where

function error_meta.__tostring(e)
  local out = rawget(e, "message")
  if type(out) ~= "string" then out = "error" end
  local line, script = rawget(e, "line"), rawget(e, "script")
  if type(line) == "number" and type(script) == "string" then out = script .. ":" .. line .. ": " .. out end
  return out
end

local function load_prelude(core_, name)
  local chunk = loadstring(host(PRELUDE, name), "=host")
  return chunk(core_)
end
core.load_prelude = load_prelude

load_prelude(core, "wire")
local encode, decode = core.encode, core.decode

-- Tasks ------------------------------------------------------------------------------------------------
local current -- the task that runs now
local pending = {} -- call id -> the task that waits for it, or a function to call
local waiting = 0 -- entries of pending that the host will answer
local ready, first, last = {}, 1, 0
local live, next_call, nested = 0, 0, 0
local tasks = {} -- all that have not ended, by their path
local main, dead -- dead: why the whole run is ending ({kind=…} error or "exit")
local trace = false -- whether the host wants the line of each call

local PARK = {} -- what coroutines yield when they wait

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
  if task.args then
    local args = task.args
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

local function stuck()
  local where_all, n = {}, 0
  for path, task in next, tasks do
    n = n + 1
    where_all[n] = "task " .. path .. (task.wait_line and (" at line " .. task.wait_line) or "")
  end
  core.sort(where_all)
  return { kind = "error", message = "deadlock: all tasks wait for each other (" .. concat(where_all, ", ", 1, n) .. ")" }
end

-- Waits where the coroutine cannot yield: serves the run's other tasks until this one is woken.
local function in_place(task)
  task.in_place = true
  nested = nested + 1
  while not task.woken and not dead do
    if nested > MAX_NESTED or not run_one() then
      if waiting == 0 then
        nested, task.in_place = nested - 1, nil
        return raise(stuck())
      end
      route(host(WAIT))
    end
  end
  nested, task.in_place, current = nested - 1, nil, task
  local status, a, b = task.status, task.a, task.b
  task.status, task.a, task.b, task.woken = nil, nil, nil, nil
  return status, a, b
end

-- Waits until make_ready(current, …) and returns what it was given.
local function park()
  if co_yieldable() then return co_yield(PARK) end
  return in_place(current)
end

-- What a script's own coroutine yielded: forwards a wait to the level below, where it may be served in place.
local function forward(co, ok, first_value, ...)
  if ok and rawequal(first_value, PARK) then
    core.busy[co] = true
    local status, a, b = park()
    core.busy[co] = nil
    return forward(co, co_resume(co, status, a, b))
  end
  return ok, first_value, ...
end
core.forward = forward

local cancelled_text = "the task was cancelled"

local function check_cancelled(task)
  if task.cancelled then raise({ kind = "cancelled", message = cancelled_text }, where(4)) end
end

-- One call to the host. Returns status, a, b of its reply; raises the error it was answered with.
local function call(kind, target, payload, options)
  local task = current
  if task.cancelled then check_cancelled(task) end
  local id = next_call + 1
  next_call = id
  local n = task.calls + 1
  task.calls = n
  local status, a, b = host(CALL, id, kind, target, payload, options, task.path, n, trace and where(3) or nil)
  if status == nil then
    pending[id] = task
    waiting = waiting + 1
    task.call = id
    status, a, b = park()
    task.call = nil
  end
  if status == ERROR then
    local facts = a and decode(a) or { kind = "limit", message = "not enough memory for the answer" }
    setmetatable(facts, nil)
    raise(facts, where(3))
  end
  return status, a, b
end

-- Starts a call nobody is parked on: on_reply(status, a, b) runs in the driver. Returns its id.
local function call_later(kind, target, payload, on_reply)
  local id = next_call + 1
  next_call = id
  local task = current
  task.calls = task.calls + 1
  local status, a, b = host(CALL, id, kind, target, payload, nil, task.path, task.calls, nil)
  if status == nil then
    pending[id] = on_reply
    waiting = waiting + 1
  else
    on_reply(status, a, b)
  end
  return id
end

local function start_task(parent, fn, n, ...)
  local path = "1"
  local task = { co = co_create(fn), args = { n = n, ... }, calls = 0, children = 0, parent = parent }
  if parent then
    if live >= core.limit_tasks then
      raise { kind = "limit", message = "more than " .. core.limit_tasks .. " tasks at once" }
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

local function cancel(task)
  if task.ended or task.cancelled then return end
  task.cancelled = true
  if task.call then
    host(CANCEL, task.call)
  elseif task.on_cancel then
    task.on_cancel()
    make_ready(task, ERROR)
  end
  local kids = task.kids
  if kids then
    local list, n = {}, 0
    for kid in next, kids do n = n + 1 list[n] = kid end
    for i = 1, n do cancel(list[i]) end
  end
end

core.call, core.call_later, core.park, core.make_ready, core.start_task, core.cancel, core.check_cancelled =
  call, call_later, park, make_ready, start_task, cancel, check_cancelled
core.forget = function(id) -- an answer nobody waits for any more
  if pending[id] then host(CANCEL, id) end
end
core.current = function() return current end
core.live = function() return live end
core.busy = setmetatable({}, { __mode = "k" })

-- The end --------------------------------------------------------------------------------------------------
local function frames(co, level)
  local out, n, line, script = {}, 0, nil, nil
  while n < 20 do
    local info = co and getinfo(co, level, "Sln") or not co and getinfo(level, "Sln")
    if not info then break end
    if sub(info.source, 1, 1) == "@" then
      -- The frame an error was raised in has no line of its own any more; its message has it.
      local at = info.currentline > 0 and info.currentline
      if at and not line then line, script = at, sub(info.source, 2) end
      n = n + 1
      out[n] = sub(info.source, 2) .. ":" .. (at or "?") .. ": in "
        .. (info.what == "main" and "main chunk" or info.name and ("function '" .. info.name .. "'") or "function")
    end
    level = level + 1
  end
  return concat(out, "\n", 1, n), line, script
end

local FACTS = { "kind", "message", "line", "script", "status", "code", "type", "param", "request_id", "attempts",
  "operation", "idempotency_key", "retryable", "outcome", "phase", "hint" }

-- An error value as plain facts. Runs as a task of its own, so a hostile __tostring meets the budget.
local function describe(value, co)
  local stack, line, script = frames(co, 0)
  local facts = {}
  if type(value) == "table" then
    for i = 1, #FACTS do
      local item = rawget(value, FACTS[i])
      local kind = type(item)
      if kind == "string" or kind == "boolean" or (kind == "number" and item == item and item < 2 ^ 53 and item > -2 ^ 53) then
        facts[FACTS[i]] = item
      end
    end
    if not facts.message then
      local ok, shown = pcall(tostring, value)
      local meta = getmetatable(value)
      facts.message = ok and type(shown) == "string" and (type(meta) == "table" and rawget(meta, "__tostring")) and shown
        or (core.inspect_short and core.inspect_short(value)) or "error object is a table without a message"
    end
  elseif type(value) == "string" then
    facts.message = value
  else
    facts.message = "error object is " .. (value == nil and "nil" or "a " .. type(value) .. " (" .. tostring(value) .. ")")
  end
  if type(facts.kind) ~= "string" then facts.kind = "error" end
  if type(facts.message) ~= "string" then facts.message = tostring(facts.message) end
  if type(facts.line) ~= "number" then facts.line, facts.script = line, script end
  facts.traceback = stack
  return encode(facts)
end

local finished = false

local function fail(value, co)
  finished = true
  local helper = co_create(describe)
  local ok, payload = co_resume(helper, value, co)
  if not ok or co_status(helper) ~= "dead" then
    local _, line, script = frames(co, 0)
    local why = type(payload) == "table" and rawget(payload, "message") or payload
    local facts = { kind = dead and type(dead) == "table" and dead.kind or "error",
      message = type(why) == "string" and why or "the error could not be shown", line = line, script = script }
    local again, encoded = pcall(encode, facts)
    payload = again and encoded or "\129\167message\165error"
  end
  host(FAILED, payload)
  return 0
end

local function finish()
  finished = true
  -- An error in a task nobody waited for is the run's error.
  local value = main.results[1]
  local helper = co_create(encode)
  local ok, payload = co_resume(helper, value)
  if ok and co_status(helper) == "dead" then host(ENDED, payload)
  else
    local why = type(payload) == "table" and rawget(payload, "message") or tostring(payload)
    return fail({ kind = "invalid", message = "the script's returned value: " .. tostring(why) }, main.stack)
  end
  return 0
end

-- The budget hook: asks the host now and then, and once the answer is "stop" unwinds every level.
local function tick()
  if dead then
    if not co_running() then return sethook() end
    return error(dead, 0)
  end
  local code, payload = host(TICK)
  if code == 0 then return end
  local line, script = where(3)
  dead = { kind = code == 1 and "limit" or code == 2 and "timeout" or "interrupted", line = line, script = script,
    message = payload or "the run was stopped" }
  setmetatable(dead, error_meta)
  sethook(tick, "", 1)
  return error(dead, 0)
end

core.exit = function(status)
  dead = { exit = status }
  sethook(tick, "", 1)
  return error(dead, 0)
end
core.failed_tasks = {} -- task -> order of failing, while nobody has taken its error

local function advance()
  while not dead do
    if not run_one() then break end
    if main.failed then break end
  end
  if dead then
    sethook()
    if dead.exit then
      finished = true
      host(ENDED, encode(nil), dead.exit)
      return 0
    end
    return fail(dead, nil)
  end
  if main.failed then return fail(main.error, main.stack) end
  if live > 0 then
    if waiting == 0 then
      local lost = core.lost()
      if lost then return fail(lost.error, lost.stack) end
      return fail(stuck(), main.co)
    end
    return live
  end
  local lost = core.lost()
  if lost then return fail(lost.error, lost.stack) end
  return finish()
end

-- The first failed task whose error nobody has taken.
function core.lost()
  local found
  for task, order in next, core.failed_tasks do
    if not found or order < core.failed_tasks[found] then found = task end
  end
  return found
end

local function enter(id, status, a, b)
  if finished then return 0 end
  if id == START then
    trace = b
    load_prelude(core, "env")
    local chunk, message = core.compile(a, status)
    if not chunk then
      finished = true
      host(FAILED, encode { kind = "syntax", message = message })
      return 0
    end
    sethook(tick, "", TICK_EVERY)
    main = start_task(nil, chunk, 0)
    return advance()
  elseif id == ABORT then
    local facts = decode(a)
    setmetatable(facts, error_meta)
    local _, line, script = frames(main.co, 0)
    facts.line, facts.script = line, script
    return fail(facts, main.co)
  end
  route(id, status, a, b)
  return advance()
end

return enter
