-- Waiting where the coroutine cannot yield, and waiting for nothing.
local core = ...
local next, host, run = core.next, core.host, core.run
local sort, concat = core.table.sort, core.table.concat
local WAIT = 3 -- protocol
local MAX_NESTED = 40 -- waits in place inside one another; LuaJIT's C stack allows 200

-- Every task waits for another: an error that says where each does.
function core.stuck()
  local places, n = {}, 0
  for path, task in next, run.tasks do
    n = n + 1
    places[n] = "task " .. path .. (task.wait_line and (" at line " .. task.wait_line) or "")
  end
  sort(places)
  return { kind = "error", message = "deadlock: all tasks wait for each other (" .. concat(places, ", ", 1, n) .. ")" }
end

-- Waits until the task that does what an entry is of is done with it. From the function that a script calls.
function core.await(entry)
  local me = run.current
  local waiters = entry.waiters or {}
  entry.waiters, waiters[#waiters + 1], me.wait_line = waiters, me, core.where(3)
  core.park()
  me.wait_line = nil
  core.check_cancelled(me)
end

function core.wake_waiters(entry)
  for i = 1, entry.waiters and #entry.waiters or 0 do core.make_ready(entry.waiters[i], 0) end
end

local nested = 0

-- Serves the run's other tasks until this one is woken.
function core.in_place(task)
  task.in_place = true
  nested = nested + 1
  while task.status == nil and not run.dead do
    if nested > MAX_NESTED or not core.run_one() then
      if next(run.pending) == nil then
        nested, task.in_place = nested - 1, nil
        run.current = task
        return core.raise(core.stuck())
      end
      core.route(host(WAIT))
    end
  end
  nested, task.in_place = nested - 1, nil
  run.current = task
  local status, a, b = task.status, task.a, task.b
  task.status, task.a, task.b = nil, nil, nil
  return status, a, b
end
