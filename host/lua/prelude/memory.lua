-- What happens when the script's memory limit is reached. The first time an ordinary error is raised, which a script may
-- catch, and have room by letting go of something. If it has none the next time the hook looks, the run ends.
local core = ...
local run, host, env_of, own = core.run, core.host, core.env_of, core._G
local count, format, error, running = core.collectgarbage, core.string.format, core.error, core.coroutine.running
local getinfo, sethook = core.debug.getinfo, core.debug.sethook
local ROOM = 16
local PATIENCE = 20 -- times that code of the host's own is let go on, a few instructions each

local function message()
  local size = core.limit_memory
  return "the script used more than its " .. (size < 1048576 and format("%.0f KB", size / 1024) or format("%.0f MB", size / 1048576))
    .. " of memory"
end

-- Whether what the hook interrupts is the host's own code: raised there, an error may leave a thing half done.
local function inside(hook)
  local level = 2
  while true do
    local info = getinfo(level, "f")
    if not info then return false end
    level = level + 1
    if info.func == hook then
      info = getinfo(level, "f")
      return info and env_of(info.func) == own
    end
  end
end

local delayed = 0

-- Collects garbage, and raises if more than the limit is in use still, with `more` KB about to be taken. `hook`: whom
-- it is called by, where that is the budget hook.
function core.full(hook, more)
  if hook and delayed < PATIENCE and inside(hook) then
    delayed = delayed + 1
    run.left, run.every = 0, 50
    return sethook(hook, "", 50)
  end
  delayed = 0
  for _ = 1, 3 do -- what the last one let go of: buffers are halved, what was weak is gone
    count("collect")
    local used = count("count")
    if used + (more or 0) <= run.soft then
      run.over = false
      return core.pace(used + (more or 0))
    end
  end
  local was_over, used = run.over, count("count")
  local why = { kind = "limit", message = message() }
  if was_over and not more then return core.die(why) end
  if used > run.soft then
    run.over, run.most = true, used + run.slack
    core.pace(used)
  end
  return core.raise(why)
end

-- LuaJIT itself was refused memory: for one value that is larger than all the script may have, or (a defect) bit by
-- bit. What it was doing then is left as it is, so the run ends, whatever the script catches. `co`: where it was.
function core.exhausted(co)
  host(ROOM, true)
  if run.dead then return end
  local why = { kind = "limit", message = message(), line = false, script = false }
  run.dead, run.stack = why, co
  if running() then core.locate(why) end
  core.debug.sethook(core.tick, "", 1)
end
