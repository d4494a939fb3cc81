-- Raising: error tables that know the script's line.
local core = ...
local type, rawget, setmetatable, error, sub = core.type, core.rawget, core.setmetatable, core.error, core.string.sub
local getinfo = core.debug.getinfo

local function place(source, line)
  if sub(source, 1, 1) == "@" and line > 0 then return line, sub(source, 2) end
end

-- Where the script is: line and name of the innermost frame of its own code, from `level` outwards. Where a tail call
-- has left none, that is where it last looked up what it called.
local function where(level)
  while true do
    local info = getinfo(level, "Sl")
    if not info then
      local last = rawget(core, "marked")
      if not last then return nil end
      return place(getinfo(last.func, "S").source, last.currentline)
    end
    local line, name = place(info.source, info.currentline)
    if line then return line, name end
    level = level + 1
  end
end

local error_meta = { __metatable = false }

function error_meta.__tostring(e)
  local out = rawget(e, "message")
  if type(out) ~= "string" then out = "error" end
  local line, script = rawget(e, "line"), rawget(e, "script")
  if type(line) == "number" and type(script) == "string" then out = script .. ":" .. line .. ": " .. out end
  return out
end

local function raise(facts)
  if not facts.line then facts.line, facts.script = where(3) end
  return error(setmetatable(facts, error_meta), 0)
end

core.error_meta, core.where, core.raise = error_meta, where, raise

-- Raises again an error that ended another stack, which the run's end reports too. A cause: the error, the stack it
-- ended, the coroutine it was raised again on, the cause of it there, and what is to be said besides.
function core.rethrow(err, stack, cause, note)
  local task = core.run.current
  cause = cause or task.cause
  if cause and cause.at ~= stack then cause = nil end
  task.cause = { error = err, stack = stack, at = core.coroutine.running(), cause = cause, note = note }
  return error(err, 0)
end

-- Ends the run, whatever the script catches.
function core.die(why)
  core.run.dead = why
  core.debug.sethook(core.tick, "", 1)
  return error(why, 0)
end

-- Raises the error whose facts the host sent.
function core.refuse(payload)
  local facts = payload and core.decode(payload) or { kind = "limit", message = "not enough memory for the answer" }
  setmetatable(facts, nil)
  if facts.fatal then -- a limit that no pcall can catch
    facts.fatal = nil
    facts.line, facts.script = where(3)
    return core.die(setmetatable(facts, error_meta))
  end
  return raise(facts)
end

function core.check_cancelled(task)
  if task.cancelled then return raise { kind = "cancelled", message = "the task was cancelled" } end
end

-- Completes the error that ends a run: where the script was.
function core.locate(facts)
  facts.line, facts.script = where(3)
  facts.line = facts.line or false
  setmetatable(facts, error_meta)
end
