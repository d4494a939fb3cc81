-- Begins the run, once the files a state begins with are loaded. This file's own objects are garbage afterwards.
local core, name, source, flags = ...
local run, env = core.run, core.env
local PRELUDE, NAME = 9, 10 -- protocol
local TRACE, FRUGAL, DURABLE, BYTECODE, GIVEN, ARGUMENTS, COUNT_LINES = 1, 2, 4, 8, 16, 32, 64 -- protocol

local function has(flag)
  if flags < flag then return false end
  flags = flags - flag
  return true
end

if has(COUNT_LINES) then core.load_code(core.host(PRELUDE, "lines")) end -- before anything sets a hook
local given, args = has(ARGUMENTS), env -- whether there are arguments that it may read as "..."
run.given = has(GIVEN)
local is_bytecode, durable, frugal, trace = has(BYTECODE), has(DURABLE), has(FRUGAL), has(TRACE)
run.trace = trace
if durable then core.load_code(core.host(PRELUDE, "durable")) end
local chunk, message
if is_bytecode then -- the host's own (host.lua.bytecode_cache)
  chunk = load(source, name, "b", env)
else
  chunk, message = core.compile_main(source, name)
end
if not chunk then
  if run.dead then return core.ended("error", run.dead) end
  return core.ended("syntax", message)
end
if given then
  local ok, failure = pcall(function() core.load_code(core.host(NAME, "args")) end)
  if not ok then return core.ended("error", failure) end
  args = core.globals.args
end
run.chunk = chunk
run.main = core.start_task("1", chunk, nil, args, given and #args or 0)
-- Where many are alive at once, the host has what loading left behind collected as soon as this one waits. A collection
-- is made in one go: in steps, a few strings of 60 MB could be made before it comes to its end, where budget.lua looks.
run.frugal = frugal
collectgarbage("setpause", frugal and 150 or 400)
collectgarbage("setstepmul", 0)
collectgarbage("restart", -1) -- stopped while the prelude was loaded
run.second = os.time()
core.debug.sethook(core.hook, "", run.every)
if #source > 65536 then core.expect(collectgarbage("count")) end
return core.advance()
