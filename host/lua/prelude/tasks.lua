-- spawn, wait, cancel, wait_any, parallel, map, with_timeout.
local core = ...
local type, error, select, unpack, next, pcall, rawget, tostring, host = core.type, core.error, core.select, core.unpack,
  core.next, core.pcall, core.rawget, core.tostring, core.host
local raise, park, make_ready, run, where, check_cancelled = core.raise, core.park, core.make_ready, core.run,
  core.where, core.check_cancelled
local newproxy, getmetatable, set_env, tag_of = core.newproxy, core.getmetatable, core.set_env, core.tag_of
local getinfo = core.debug.getinfo
local format, floor, expect_seconds = core.string.format, core.math.floor, core.expect_seconds
local CALL, CANCEL, ERROR = 1, 4, 1 -- protocol
local SLEEP = 4 -- protocol: kind of call

local env, failed_tasks, failures = core.globals, {}, 0 -- failed task -> its place among them, until its error is taken

-- The first failed task whose error nobody has taken.
function core.lost()
  local found
  for task, order in next, failed_tasks do
    if not found or order < failed_tasks[found] then found = task end
  end
  return found
end

-- Starts a call nobody is parked on: on_reply(status, a, b) runs in the driver. Gives its id.
function core.call_later(kind, target, payload, on_reply)
  local task, id = run.current, run.calls + 1
  run.calls, task.calls = id, task.calls + 1
  local status, a, b = host(CALL, id, kind, target, payload, nil, task.path, task.calls, nil)
  if status == nil then
    run.pending[id] = { reply = on_reply }
  else
    on_reply(status, a, b)
  end
  return id
end

local function forget(id) -- an answer nobody waits for any more
  if run.pending[id] ~= nil then host(CANCEL, id) end
end

local function by_path(a, b) return a.path < b.path end

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
    if n > 1 then core.table.sort(list, by_path) end -- the same order in every process
    for i = 1, n do cancel(list[i]) end
  end
end

local function invalid(message) return raise { kind = "invalid", message = message } end

local function expect_function(fn, who)
  if type(fn) ~= "function" then invalid(who .. " expects a function, got " .. (fn == nil and "nothing" or "a " .. type(fn))) end
end

local function on_fail(task)
  local err = task.error
  if task.cancelled and type(err) == "table" and rawget(err, "kind") == "cancelled" then return end
  failures = failures + 1
  failed_tasks[task] = failures
end

local function start(parent, fn, n, ...)
  if run.live >= core.limit_tasks then
    raise { kind = "limit", message = "more than " .. core.limit_tasks .. " tasks at once" }
  end
  local child = (parent.children or 0) + 1
  parent.children, parent.kids = child, parent.kids or {}
  local task = core.start_task(parent.path .. "." .. child, fn, parent, { ... }, n)
  parent.kids[task] = true
  task.on_fail = on_fail
  return task
end

-- Somebody has taken this task's error, or gives up on it: it does not fail the run.
local function take(task)
  failed_tasks[task] = nil
  task.on_fail = nil
end

-- Waits until arm(wake) calls wake(). disarm() takes back what arm set up when the wait is cancelled.
local function wait_for(arm, disarm)
  local me = run.current
  check_cancelled(me)
  local done = false
  me.wait_line = where(3)
  me.on_cancel = disarm
  local armed, err = pcall(arm, function(a)
    if not done then
      done = true
      me.on_cancel = nil
      make_ready(me, 0, a)
    end
  end)
  if not armed then
    done = true -- nothing that was set up is to wake it later, when it waits for something else
    me.on_cancel, me.wait_line = nil, nil
    return error(err, 0)
  end
  local status, a = park()
  done = true
  me.on_cancel, me.wait_line = nil, nil
  if status ~= 0 then check_cancelled(me) end
  return a
end

core.whole = { [start] = true, [wait_for] = true } -- see memory.lua

local function await(task)
  if task.ended then return end
  wait_for(function(wake)
    local waiters = task.waiters or {}
    task.waiters = waiters
    waiters[#waiters + 1] = wake
  end, function() end)
end

local function results(task)
  if task.failed then
    take(task)
    return core.rethrow(task.error, task.stack, task.cause)
  end
  return unpack(task.results, 1, task.n)
end

-- Cancels tasks whose caller is leaving early.
local function abandon(list, n)
  for i = 1, n do
    local task = list[i]
    take(task)
    if not task.ended then cancel(task) end
  end
end

local proto = newproxy(true)
local meta = getmetatable(proto)
local methods = {}
meta.__metatable = false
meta.__index = methods
meta.__newindex = function() invalid("a task cannot be assigned to") end
meta.__tostring = function(self)
  local task = tag_of(self, "task").task
  return "task " .. task.path .. " (" .. (task.ended and (task.failed and "failed" or "done") or "running") .. ")"
end

local function task_of(value, who)
  local box = tag_of(value, "task")
  if not box then invalid(who .. " expects a task (what spawn returns), got " .. (value == nil and "nothing" or "a " .. type(value))) end
  return box.task
end

local function handle(task)
  local proxy = newproxy(proto)
  set_env(proxy, { tag = "task", task = task })
  task.proxy = proxy
  return proxy
end

function methods.wait(self)
  local task = task_of(self, "task:wait()")
  if task == run.current then invalid("a task cannot wait for itself") end
  await(task)
  return results(task)
end

function methods.cancel(self)
  local task = task_of(self, "task:cancel()")
  take(task)
  cancel(task)
end

function methods.status(self)
  local task = task_of(self, "task:status()")
  return task.ended and (task.failed and (task.cancelled and "cancelled" or "failed") or "done") or "running"
end

-- Whether it failed and nobody has taken its error yet.
function methods.unheeded(self)
  return failed_tasks[task_of(self, "task:unheeded()")] ~= nil
end

function env.spawn(fn, ...)
  expect_function(fn, "spawn")
  local task = start(run.current, fn, select("#", ...), ...)
  task.line, task.script = where(2)
  return handle(task)
end
core.spawn = env.spawn

function env.wait_any(...)
  local n, list = select("#", ...), { ... }
  if n == 1 and type(list[1]) == "table" then
    list = list[1]
    n = #list
  end
  if n == 0 then invalid("wait_any expects at least one task") end
  local which
  for i = 1, n do
    if task_of(list[i], "wait_any").ended and not which then which = i end
  end
  if not which then
    which = wait_for(function(wake)
      for i = 1, n do
        local task = task_of(list[i])
        local waiters = task.waiters or {}
        task.waiters = waiters
        waiters[#waiters + 1] = function() wake(i) end
      end
    end, function() end)
  end
  return list[which], which
end

-- Runs items 1..n through body(i), at most limit at once; the first error cancels the rest and is raised, as describe(error,
-- i) makes it if there is one, which gives a note for it too.
local function gather(n, limit, body, describe)
  local list, started, open, failure, failed_at, me = {}, 0, 0, nil, nil, run.current
  local function all()
    wait_for(function(wake)
      local function launch()
        while started < n and open < limit and not failure do
          local begun, task = pcall(start, me, body, 1, started + 1)
          if not begun then -- one task too many
            failure = { error = task }
            abandon(list, started)
            if open == 0 then wake() end
            return
          end
          started = started + 1
          open = open + 1
          list[started] = task
          local at = started
          task.waiters = { function(ended)
            open = open - 1
            if ended.failed then
              take(ended)
              if not failure then
                failure, failed_at = ended, at
                abandon(list, started)
              end
            end
            if failure or started >= n then
              if open == 0 then wake() end
            else
              launch()
            end
          end }
        end
      end
      launch()
    end, function() end)
  end
  local ok, err = pcall(all)
  if not ok then
    abandon(list, started)
    error(err, 0)
  end
  if failure then
    local err, note = failure.error, nil
    if describe and failed_at and not run.dead then err, note = describe(err, failed_at) end
    core.rethrow(err, failure.stack, failure.cause, note)
  end
  return list
end

function env.parallel(...)
  local n, fns = select("#", ...), { ... }
  if n == 0 then return end
  for i = 1, n do expect_function(fns[i], "parallel, argument " .. i .. ",") end
  local list, out = gather(n, n, function(i) return fns[i]() end), {}
  for i = 1, n do out[i] = list[i].results[1] end
  return unpack(out, 1, n)
end

-- An error with the item it is about in its message. A table of the script's own stays as it is; if the run ends with it,
-- the note says so.
local function item_error(err, i, item)
  local note = format(" (map: item %d, %s)", i, core.brief(item))
  if type(err) == "string" then return err .. note, note end
  if type(err) == "table" and core.debug.getmetatable(err) == core.error_meta then
    err.item, err.message = i, tostring(rawget(err, "message")) .. note
  end
  return err, note
end

function env.map(list, fn, options)
  if type(list) ~= "table" then invalid("map expects a list, got " .. (list == nil and "nothing" or "a " .. type(list))) end
  expect_function(fn, "map, argument 2,")
  local limit = 32
  if options ~= nil then
    if type(options) ~= "table" then invalid("map's third argument is a table of options, such as {limit=32}") end
    for key in next, options do
      if key ~= "limit" then invalid("map has no option \"" .. tostring(key) .. "\"; it has limit") end
    end
    limit = options.limit or limit
    if type(limit) ~= "number" or limit < 1 or limit ~= floor(limit) then
      invalid("map's limit is a whole number from 1, got " .. tostring(limit))
    end
  end
  local n = type(rawget(list, "n")) == "number" and rawget(list, "n") or #list
  if n == 0 and next(list) ~= nil and rawget(list, "n") == nil then
    invalid("map expects a list, got " .. core.brief(list) .. "; for name, value in pairs(t) do … end goes over a table's names")
  end
  local out = core.setmetatable({}, core.packed_meta)
  if n == 0 then return out end
  local whose = getinfo(fn, "S") -- one of Lua's or the host's would take the index for an argument of its own
  local exact = whose.what == "C" or whose.source == "=host"
  local done = gather(n, limit, function(i)
    if exact then return fn(list[i]) end
    return fn(list[i], i)
  end, function(err, i) return item_error(err, i, rawget(list, i)) end)
  for i = 1, n do
    local first = done[i].results[1]
    if first == nil then out.n = n end -- a hole
    out[i] = first
  end
  return out
end

function env.with_timeout(seconds, fn, ...)
  expect_seconds(seconds, "with_timeout")
  expect_function(fn, "with_timeout, argument 2,")
  local task = start(run.current, fn, select("#", ...), ...)
  local timer, expired
  local ok, err = pcall(wait_for, function(wake)
    task.waiters = { function() if not expired then wake() end end }
    timer = core.call_later(SLEEP, format("%.17g", seconds), nil, function(status)
      timer = nil
      if status == 0 and not task.ended then
        expired = true
        take(task)
        cancel(task)
        wake()
      end
    end)
  end, function() end)
  if timer then forget(timer) end
  if not ok then
    abandon({ task }, 1)
    error(err, 0)
  end
  if expired then
    raise { kind = "timeout", message = format("with_timeout: not done after %g s", seconds) }
  end
  return results(task)
end
