-- The budget of a run, looked at by a count hook and at the end of each collection: time and memory.
--
-- No instruction may be interrupted, and one on strings takes time by their size (to read 64 MB of digits as a number:
-- 90 ms), as does one on a large table. So the more memory is in use, the fewer instructions there are between two
-- looks (`pace`): together they take a second at the very most. The script's memory limit is a soft one, and raises an
-- ordinary error (memory.lua); LuaJIT's own is so far above it that it is not reached: see host.lua.state.ceiling.
local core = ...
local run, host, sethook = core.run, core.host, core.debug.sethook
local TICK = 2
local TICK_SECONDS = 0.002 -- of processor time, after which the host is asked
local LOOK = 5000 -- instructions after which the clock is looked at, which costs more than all else here
local MOST, LEAST = 1000, 16 -- instructions between two hooks
local PACE = 1400000 -- instructions times KB in use that may come between two hooks

-- Sets how many instructions there are to the next hook with `used` KB in use, and at how many KB to think again.
local function pace(used)
  local every = PACE / used
  every = every > MOST and MOST or every < LEAST and LEAST or every
  if every < run.every or every > 2 * run.every then
    every = every - every % 1
    run.every = every
    sethook(core.hook, "", every)
  end
  used = used * 1.5 + 256
  if not run.over then run.most = used < run.brim and used or run.brim end
end

-- Asks the host now and then, and once the answer is "stop" unwinds every level. A script may have left no stack for
-- it, so it notes that the run is over first, and only then tells where.
local function tick()
  local why = run.dead
  if not why then
    local now = os.clock()
    if now - run.asked < TICK_SECONDS or not coroutine.running() then return end -- the driver's own steps are few
    run.asked = now
    local kind, message = host(TICK)
    if not kind then return end
    if kind == 1 then kind = "limit" end -- what TICK answered did not fit
    why = { kind = kind, message = message or "the run was stopped", line = false, script = false }
    run.dead = why
    core.locate(why)
  elseif not coroutine.running() then
    return sethook()
  end
  sethook(tick, "", 1)
  return error(why, 0)
end

local function hook()
  local used, second, left = collectgarbage("count"), os.time(), run.left - run.every
  if left > 0 and used < run.most and second == run.second then
    run.left = left
    return
  end
  run.left, run.second = LOOK, second
  if not coroutine.running() then return end
  if used > run.brim or run.over then core.full(hook) else pace(used) end
  return tick()
end

core.pace, core.tick, core.hook = pace, tick, hook

-- At the end of each collection. The next begins when so much more is in use as is now (a small state's later: what it
-- would save is less than what going through all of it costs), but not beyond the script's limit.
local watch = newproxy(true)
getmetatable(watch).__gc = function()
  if run.closed then return end
  newproxy(watch)
  local used = collectgarbage("count")
  local pause, most = run.crowd and 150 or used > 1024 and 200 or 400, 101 + 100 * (run.brim - used) / used
  local least = 101 + 100 * run.slack / used
  if most < least then most = least end
  collectgarbage("setpause", pause < most and pause or most)
  if used > run.brim or run.over and used > run.most then
    run.left = 0
    sethook(hook, "", 1)
    run.every = 1
  else
    pace(used)
  end
end
newproxy(watch)
