-- Source text as a function of a run's globals; never bytecode.
--
-- To compile is one call of C, and some texts take time by the square of their size: each branch of an elseif goes through
-- the jumps of those before it. So a long text is read in pieces, and the budget is looked at before each. It is C that
-- calls the reader, but the reader is the host's own and calls nothing of a script's.
local core = ...
local run, load, tick, type, error = core.run, core.load, core.tick, core.type, core.error
local sub, byte = core.string.sub, core.string.byte
local PIECE = 4096 -- bytes

function core.compile(source, name, globals)
  if byte(source, 1) == 27 then return nil, "precompiled Lua is not accepted, only source text" end
  if #source <= PIECE then return load(source, name, "t", globals or core.env) end
  local at = 1
  local chunk, message = load(function()
    tick()
    local piece = sub(source, at, at + PIECE - 1)
    at = at + PIECE
    return piece
  end, name, "t", globals or core.env)
  if message == "not enough memory" then core.exhausted() end
  if run.dead then core.stop() end
  if type(message) == "table" then error(message, 0) end -- the memory limit's, raised while a piece was read
  return chunk, message
end

-- The same of the script itself, which is compiled before it has a task: the budget is only looked at in a coroutine.
function core.compile_main(source, name)
  if #source <= PIECE then return core.compile(source, name) end
  core.debug.sethook(core.hook, "", run.every)
  local ok, chunk, message = core.coroutine.resume(core.coroutine.create(core.compile), source, name)
  core.debug.sethook()
  if ok then return chunk, message end
  return nil, chunk
end
