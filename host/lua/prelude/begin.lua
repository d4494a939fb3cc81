-- Begins the run, once the files a state begins with are there. What is used up here is garbage afterwards.
local core, name, source, flags = ...
local run, env = core.run, core.env
local PRELUDE = 9
local TICK_EVERY = 5000 -- instructions: one may take long (a join of texts of 60 MB), so the clock is looked at often

local function has(flag)
  if flags < flag then return false end
  flags = flags - flag
  return true
end

local told, args = has(32), env -- whether there are arguments that it may read as "..."
run.given = has(16)
local is_bytecode, durable, crowd, trace = has(8), has(4), has(2), has(1)
run.trace = trace
if durable then core.load_code(core.host(PRELUDE, "durable")) end
local chunk, message
if is_bytecode then -- the host's own (host.lua.chunks)
  chunk = load(source, name, "b", env)
else
  chunk, message = core.compile(source, name)
end
if not chunk then return core.ended("syntax", message) end
core.debug.sethook(core.tick, "", TICK_EVERY)
if told then
  local ok
  ok, args = pcall(function() return env.args end)
  if not ok then return core.ended("error", args) end
end
run.main = core.start_task("1", chunk, nil, args, told and #args or 0)
-- A small state collects seldom: what it would save is less than what going through all of it costs. Where many are
-- alive at once, the host has what loading left behind collected as soon as this one waits.
run.roomy = not crowd
collectgarbage("setpause", crowd and 150 or 400)
collectgarbage("restart", -1) -- stopped while the prelude was loaded
return core.advance()
