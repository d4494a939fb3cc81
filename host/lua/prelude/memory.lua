-- What the budget hook checks (see budget.lua), and what happens when the script's memory limit is reached:
-- the first time an ordinary error is raised, which a script may catch, to free memory by dropping something. If it
-- has not by the next check, the run ends.
local core = ...
local run, host, env_of, own = core.run, core.host, core.env_of, core._G
local collectgarbage, format, error, running = core.collectgarbage, core.string.format, core.error, core.coroutine.running
local getinfo, sethook, hook, os = core.debug.getinfo, core.debug.sethook, core.hook, core._G.os
local rawget = core.rawget
local ERROR, ROOM = 1, 16 -- protocol
local MOST, LEAST = 1000, 16 -- instructions between two hooks
local PACE = 1400000 -- instructions times KB in use that may come between two hooks
local PATIENCE = 20 -- times that code of the host's own is let go on, a few instructions each
-- Hooks at each of which the clock is looked at, once so many KB are new or a hook's instructions took so many seconds.
local CLOSE = 500
local GROWN, SLOW = 2048, 0.02
local ROOMY = 1024 -- KB from which on a state is no longer small

local SOFT = core.limit_memory / 1024 -- KB, as collectgarbage gives them
local SLACK = SOFT / 16 > 8192 and 8192 or SOFT / 16 -- how far garbage may go beyond it

-- Sets how many instructions there are to the next hook with `used` KB in use, at how many KB to look again, and when to
-- collect: when as much more is in use (a small state's later: what it would save is less than what going through all of
-- it costs), but not beyond the limit.
local function pace(used)
  local every = PACE / used
  every = every > MOST and MOST or every < LEAST and LEAST or every - every % 1
  if every < run.every or every > 2 * run.every then
    run.every = every
    sethook(hook, "", every)
  end
  local brim = SOFT + run.spare + SLACK
  local most, near = used * 1.5 + 256, run.over and run.over + SLACK or brim
  run.most = most < near and most or near
  local pause, least, room = run.frugal and 150 or used > ROOMY and 200 or 400, 101 + 100 * SLACK / used,
    101 + 100 * (brim - used) / used
  if room < least then room = least end
  collectgarbage("setpause", pause < room and pause or room)
end
core.pace = pace

-- Something of `used` KB is about to be there.
function core.expect(used)
  run.close, run.left = CLOSE, 0
  return pace(used)
end

local function over_limit()
  local size = core.limit_memory
  return { kind = "limit", line = false, script = false, message = "the script used more than its "
    .. (size < 1048576 and format("%.0f KB", size / 1024) or format("%.0f MB", size / 1048576)) .. " of memory" }
end

-- What is done as a whole, or not at all: interrupted, it would leave tasks that nobody resumes, or a call that was sent
-- and that nobody waits for. All of them are short.
local WHOLE = { [core.call] = true, [core.start_task] = true, [core.make_ready] = true }

-- Whether what the hook interrupts is the host's own code: raised there, an error may leave a thing half done. The second
-- value is true where it would.
local function is_inside()
  local level = 2
  while true do
    local info = getinfo(level, "f")
    if not info then return false end
    level = level + 1
    if info.func == hook then
      info = getinfo(level, "f")
      if not info or env_of(info.func) ~= own then return false end
      local whole = rawget(core, "whole")
      return true, WHOLE[info.func] or whole and whole[info.func]
    end
  end
end

local delayed = 0

-- Collects garbage, and raises if more than the limit is in use still, with `more` KB about to be taken.
local function full(more, by_hook)
  for _ = 1, 3 do -- what the last one let go of: buffers are halved, what was weak is gone
    collectgarbage("collect")
    if collectgarbage("count") + more <= SOFT + run.spare then
      run.over = false
      return pace(collectgarbage("count") + more)
    end
  end
  local used, was_over = collectgarbage("count"), run.over
  if not was_over and used > SOFT + run.spare then run.over = used end
  pace(used)
  run.left = 5000
  if was_over and by_hook then
    local why = over_limit()
    core.locate(why)
    return core.die(why)
  end
  return core.raise(over_limit())
end
core.full = full

-- `left`: instructions the script had until it would be looked at in any case.
function core.look(left)
  local used, over, now = collectgarbage("count"), run.over, os.clock()
  if run.dead then return end
  if used - run.seen > GROWN or run.close > 0 and now - run.looked > SLOW then run.close = CLOSE
  elseif run.close > 0 then run.close = run.close - 1 end
  run.seen, run.looked = used, now
  if over and left > 0 and used < over + SLACK or not over and used <= SOFT + run.spare + SLACK then return pace(used) end
  local inside, whole = is_inside()
  if inside and (whole or delayed < PATIENCE) then
    delayed, run.left, run.every = delayed + 1, 0, 50
    return sethook(hook, "", 50)
  end
  delayed = 0
  return full(0, true)
end

-- Ends the run whose end was noted: raises that at every instruction, so that every level is unwound.
function core.stop()
  local why = run.dead
  if not running() then return sethook() end
  if not why.exit and why.line == nil then
    if why.kind == ERROR then why.kind = "limit" end -- what TICK answered did not fit
    why.message = why.message or "the run was stopped"
    core.locate(why)
  end
  sethook(core.tick, "", 1)
  return error(why, 0)
end

-- LuaJIT itself was refused memory: for one value that is larger than all the script may have, or (a defect) bit by
-- bit. What it was doing then is left as it is, so the run ends, whatever the script catches. `co`: where it was.
function core.exhausted(co)
  host(ROOM, true)
  if run.dead then return end
  run.dead, run.stack = over_limit(), co
  if running() then core.locate(run.dead) end
  sethook(core.tick, "", 1)
end
