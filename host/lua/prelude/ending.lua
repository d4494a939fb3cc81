-- The end of a run, as it is reported to the host: a value, or an error with everything known of it.
local core = ...
local type, rawget, getmetatable, pcall, to_text, host = core.type, core.rawget, core.getmetatable, core.pcall, core.to_text,
  core.host
local sub, concat, getinfo = core.string.sub, core.table.concat, core.debug.getinfo
local co_create, co_resume, co_status = core.coroutine.create, core.coroutine.resume, core.coroutine.status
local sethook = core.debug.sethook
local ENDED, FAILED = 6, 7 -- protocol
local MOST_FRAMES, LONGEST_NAME = 20, 1000

-- The script's frames on a coroutine's stack as text, and the line and script of the innermost. Before them those of the
-- stacks that the error ended before it was raised again here.
local function frames(co, cause)
  local out, n, level, line, script = {}, 0, 0, nil, nil
  local stacks, at = { co }, 1
  while cause and cause.at == stacks[#stacks] and #stacks < MOST_FRAMES do
    stacks[#stacks + 1], cause = cause.stack, cause.cause
  end
  at, co = #stacks, stacks[#stacks]
  while co and n < MOST_FRAMES do
    local info = getinfo(co, level, "Sln")
    while not info and at > 1 do
      at, level = at - 1, 0
      co = stacks[at]
      info = getinfo(co, level, "Sln")
    end
    if not info then break end
    if sub(info.source, 1, 1) == "@" then
      -- The frame an error was raised in has no line of its own any more; its message has it.
      local at = info.currentline > 0 and info.currentline
      if at and not line then line, script = at, sub(info.source, 2) end
      n = n + 1
      out[n] = sub(info.source, 2, LONGEST_NAME) .. ":" .. (at or "?") .. ": in " .. (info.what == "main" and "main chunk"
        or info.name and ("function '" .. sub(info.name, 1, LONGEST_NAME) .. "'") or "function")
    end
    level = level + 1
  end
  return concat(out, "\n", 1, n), line, script
end

-- The lines on which the script itself, no function in it, may have ended by return f(x): Lua keeps no frame of it then.
local function ending_calls()
  local function call(f) return f() end
  local function call_with_results(f) return f(f()) end
  local ok, util = pcall(core.open_bytecode, "jit.util")
  if not ok then return nil end -- no memory is left
  local main, lines, n = core.run.chunk, {}, 0
  local function op(fn, at) return util.funcbc(fn, at) % 256 end
  local function last(fn) return op(fn, util.funcinfo(fn).bytecodes - 1) end
  local one, other = last(call), last(call_with_results)
  for at = 1, util.funcinfo(main).bytecodes - 1 do
    local code = op(main, at)
    if code == one or code == other then
      n = n + 1
      lines[n] = util.funcinfo(main, at).currentline
    end
  end
  return concat(lines, " ", 1, n)
end

local FACTS = { "kind", "message", "line", "script", "status", "code", "type", "param", "request_id", "attempts",
  "operation", "idempotency_key", "retryable", "outcome", "phase", "hint", "item" }

-- An error value as plain facts. Runs in a coroutine of its own, under the budget: __tostring may be hostile.
-- task: the one it ended; of one whose function has ended in a tail call there is no frame.
local function describe(value, co, cause, task)
  if cause and not core.rawequal(cause.error, value) then cause = nil end
  local stack, line, script = frames(co, cause)
  local facts = {}
  if type(value) == "table" then
    for i = 1, #FACTS do
      local item = rawget(value, FACTS[i])
      local kind = type(item)
      if kind == "string" or kind == "boolean" or (kind == "number" and item == item and item < 2 ^ 53 and item > -2 ^ 53) then
        facts[FACTS[i]] = item
      end
    end
    if getmetatable(value) == false and core.debug.getmetatable(value) == core.error_meta then
      -- What else the API said: each as far as it is plain.
      for name, item in core.next, value do
        if type(name) == "string" and facts[name] == nil and pcall(core.encode, item) then facts[name] = item end
      end
    end
    if not facts.message then
      local meta = getmetatable(value)
      if type(meta) == "table" and rawget(meta, "__tostring") then
        local ok, shown = pcall(to_text, value)
        facts.message = ok and type(shown) == "string" and shown or nil
      end
      facts.message = facts.message or "the error is a table: " .. core.inspect(value)
    end
  elseif type(value) == "string" then
    facts.message = value
  else
    facts.message = "error object is " .. (value == nil and "nil" or "a " .. type(value) .. " (" .. to_text(value) .. ")")
  end
  local meta = core.debug.getmetatable(value)
  while type(value) == "table" and meta ~= core.error_meta and cause do -- others have it in their messages
    facts.message = to_text(facts.message) .. (cause.note or "")
    cause = cause.cause
  end
  if type(facts.kind) ~= "string" then facts.kind = "error" end
  if type(facts.message) ~= "string" then facts.message = to_text(facts.message) end
  if type(facts.line) ~= "number" then
    local raised_at = rawget(core, "raised_at")
    local raised, where
    if raised_at then raised, where = raised_at(value) end
    facts.line, facts.script = raised or line, raised and where or script
    if stack == "" and task and not facts.line then facts.line, facts.script = task.line, task.script end
  end
  facts.traceback = stack
  if stack == "" and not facts.line and task and task == core.run.main then facts.ending_calls = ending_calls() end
  return core.encode(facts)
end

-- Runs fn(…) where a script's code in it is bounded. Gives its result, or nil and the error. What ended a run past its
-- budget is the host's own error: no code of the script's shows it.
local function bounded(fn, ...)
  local co = co_create(fn)
  if not core.run.dead then sethook(core.hook, "", core.run.every) end
  local ok, value = co_resume(co, ...)
  sethook()
  if ok and co_status(co) == "dead" then return value end
  return nil, ok and "it waits for a call" or value
end

local function fail(value, co, cause, task)
  local payload, why = bounded(describe, value, co, cause, task)
  if not payload then
    local _, line, script = frames(co)
    local dead = core.run.dead
    if type(why) == "table" then why = rawget(why, "message") end
    payload = core.encode {
      kind = dead and dead.kind or "error", line = line, script = script,
      message = type(why) == "string" and why or "the error could not be shown",
    }
  end
  host(FAILED, payload)
end

function core.ending(how, value, co, cause, task)
  if how == "exit" then
    host(ENDED, "\192", value)
  elseif how == "syntax" then
    host(FAILED, core.encode { kind = "syntax", message = value })
  elseif how == "abort" then -- the host ends a run whose tasks all wait
    local facts = core.decode(value)
    local _, line, script = frames(co)
    facts.line, facts.script = line, script
    fail(facts, co, nil, task)
  elseif how == "value" then
    local n, results = value.n, value.results
    local payload, why
    if n < 2 then
      payload, why = bounded(core.encode, results[1])
    else
      payload, why = bounded(core.encode_list, n, core.unpack(results, 1, n))
    end
    if payload then return host(ENDED, payload, nil, n > 1) end
    if type(why) == "table" then why = rawget(why, "message") end
    fail({ kind = "invalid", message = "the script's returned value: " .. to_text(why) }, nil)
  else
    fail(value, co, cause, task)
  end
end
