-- The budget of a run: a count hook checks time and memory, as does the end of each collection.
--
-- No instruction can be interrupted, and one on strings takes time by their size (to read 64 MB of digits as a number:
-- 90 ms), as does one on a large table. So the more memory is in use, the fewer instructions there are between two
-- checks (`pace` in memory.lua): together they take a second at the very most. The script's memory limit is a soft one,
-- and raises an ordinary error; LuaJIT's own is so far above it that it is not reached (host.lua.state.ceiling).
-- Here is what every state has from the start; what a short script does not need is in memory.lua.
local core = ...
local run = core.run
local TICK = 2 -- protocol
local TICK_SECONDS = 0.002 -- of processor time, after which the host is asked
local SMALL = 512 -- KB, below which there is nothing for memory.lua to do: most of many states never load it
local LOOK = 5000 -- instructions after which the clock is looked at, which costs more than all else here

-- Asks the host now and then, and once the answer is "stop" unwinds every level. A script may have left no stack space for
-- it, so it is noted that the run is over before anything else.
local function tick()
  if not run.dead then
    local now = os.clock()
    if now - run.asked < TICK_SECONDS or not coroutine.running() then return end -- the driver's own steps are few
    run.asked = now
    local kind, message = core.host(TICK)
    if not kind then return end
    run.dead = { kind = kind, message = message }
  end
  return core.stop()
end

-- Whether so little memory is in use that nothing needs checking.
local function is_small()
  local used = collectgarbage("count")
  if used >= SMALL or used * 2 >= run.most or run.close > 0 or run.over or run.dead then return false end
  run.seen = used
  return true
end

local function hook()
  local left, second = run.left - run.every, os.time()
  if left > 0 and second == run.second and collectgarbage("count") < run.most then
    run.left = left
    return
  end
  run.left, run.second = run.close > 0 and 0 or LOOK, second
  if coroutine.running() then
    if not is_small() then core.look(left) end
    return tick()
  end
end

core.tick, core.hook = tick, hook

-- At the end of each collection, whose finalizers run with no hooks: the next instruction is to look.
local watch = newproxy(true)
getmetatable(watch).__gc = function()
  if run.closed then return end
  newproxy(watch)
  if not run.current or is_small() then return end -- without a task the host collects, while all wait
  run.left, run.every, run.most = 0, 1, 0
  core.debug.sethook(hook, "", 1)
end
newproxy(watch)
