-- Runs one file of tests: loads it, reports its tests to the host, and runs those the host asks for, one by one.
local given = luahost_spec
local ask_host = luahost_ask

local type, tostring, tonumber, ipairs, pairs, error, pcall, rawequal, rawget, setmetatable, load, inspect, with_timeout, spawn =
  type, tostring, tonumber, ipairs, pairs, error, pcall, rawequal, rawget, setmetatable, load, inspect, with_timeout, spawn
local match, format = string.match, string.format
luahost_spec = nil
if given.seed then math.randomseed(given.seed) end

-- Raises an error table that is shown like the host's errors.
local shown_as_a_text = {
  __tostring = function(err)
    local at = rawget(err, "line") and tostring(rawget(err, "script")) .. ":" .. tostring(rawget(err, "line")) .. ": " or ""
    return at .. tostring(rawget(err, "message"))
  end,
}
local function raise(facts) error(setmetatable(facts, shown_as_a_text), 0) end

-- Asks the host. The answer may take longer than one call may last.
local function ask(...)
  local answer = ask_host(...)
  while answer.ticket do answer = ask_host("more", answer.ticket) end
  if answer.error then raise { kind = "invalid", message = answer.error, hint = answer.hint } end
  return answer.value
end

local assertions, failed_assert, place = load(given.assertions, "@luahost/assertions.lua")(ask, inspect)
assert = assertions

-- Raises an error at the calling line of the file.
local function refuse(message)
  local script, line = place()
  raise { kind = "invalid", message = message, script = script, line = line }
end

-- An error of the host about a test, at the line of the test.
local function asked(...)
  local ok, value = pcall(ask, ...)
  if ok then return value end
  if type(value) == "table" and rawget(value, "kind") == "invalid" and not rawget(value, "line") then
    value.script, value.line = place()
  end
  error(value, 0)
end

-- What a file declares ----------------------------------------------------------------------------------
local root = { before_each = {}, after_each = {}, setup = {}, teardown = {}, finally = {}, names = {} }
local tests, block, running = {}, root, nil

local function needs(who, value, kind)
  if type(value) ~= kind then
    refuse(who .. " expects a " .. kind .. ", got " .. (value == nil and "nothing" or "a " .. type(value)))
  end
end

local function only_outside(who)
  if running then refuse(who .. " inside a test: tests are declared before they run") end
end

function describe(name, body)
  needs("describe", name, "string")
  needs("describe, argument 2,", body, "function")
  only_outside("describe")
  local outer = block
  block = { before_each = {}, after_each = {}, setup = {}, teardown = {}, parent = outer, names = { unpack(outer.names) } }
  block.names[#block.names + 1] = name
  body()
  block = outer
end

local function declare(who, name, body, pending_)
  needs(who, name, "string")
  if body ~= nil then needs(who .. ", argument 2,", body, "function") end
  only_outside(who)
  local names = { unpack(block.names) }
  names[#names + 1] = name
  local _, line = place()
  tests[#tests + 1] = { block = block, body = body, line = line, names = names, pending = pending_ or body == nil }
end

function it(name, body) declare("it", name, body) return nil end

function pending(name, body)
  if running then raise { kind = "pending", message = name or "pending" } end
  declare("pending", name, body, true)
  return nil
end

for _, when in ipairs { "before_each", "after_each", "setup", "teardown" } do
  _G[when] = function(body)
    needs(when, body, "function")
    only_outside(when)
    local list = block[when]
    list[#list + 1] = body
  end
end

local at_end
function finally(body)
  needs("finally", body, "function")
  if not at_end then refuse("finally is for use inside a test") end
  at_end[#at_end + 1] = body
end

function fixture(name)
  needs("fixture", name, "string")
  if not running then refuse("fixture(\"" .. name .. "\") is for use inside a test, before_each or setup") end
  local found = ask("fixture", name)
  if found.callable then
    return function(...) return ask("call", name, ...)[1] end
  end
  return found.value
end

context, test, spec, lazy_setup, lazy_teardown = describe, it, it, setup, teardown

-- A test ends when its tasks have ended, and fails with the error of a task that was not awaited.
local spawned = {}
_G.spawn = function(...)
  local task = spawn(...)
  spawned[#spawned + 1] = task
  return task
end

local function drain()
  local i = 1
  while spawned[i] do
    if spawned[i]:status() == "running" then wait_any(spawned[i]) end
    i = i + 1
  end
  for _, task in ipairs(spawned) do
    if task:unheeded() then task:wait() end
  end
end

-- Doubles last for one test; they are made in it, or in before_each.
local entering = false -- while a block's setup runs
local function only_in_a_test(who)
  if not running then refuse(who .. " is for use inside a test or before_each") end
  if entering then refuse(who .. " in setup would hold for one test only: put it in before_each") end
end
local doubles = load(given.doubles, "@luahost/doubles.lua")(ask, asked, refuse, only_in_a_test, spawn)

local function only_while_running(who)
  if not running then refuse(who .. " is for use inside a test, before_each or setup") end
end
load(given.clock, "@luahost/clock.lua")(asked, only_while_running, given.taped)

load(given.deliver, "@luahost/deliver.lua")(ask, place, only_in_a_test)

-- Running -------------------------------------------------------------------------------------------------
local FACTS = { "kind", "line", "script", "status", "code", "type", "param", "request_id", "attempts", "operation", "idempotency_key",
  "retryable", "outcome", "phase", "hint", "expected", "actual" }

-- An error as plain facts for the host.
local function facts_of(err, test_)
  local facts = { kind = "error" }
  if type(err) == "table" then
    for _, name in ipairs(FACTS) do
      local value = rawget(err, name)
      if type(value) == "string" or type(value) == "number" or type(value) == "boolean" then facts[name] = value end
    end
    local text = rawget(err, "message")
    facts.message = type(text) == "string" and text or inspect(err)
    if facts.kind == "timeout" and match(facts.script or "", "^luahost/") then
      facts.message = format("the test did not end within %g s", given.limit)
    end
  elseif type(err) == "string" then
    local script, line, text = match(err, "^([^\n]-):(%d+): (.*)$")
    facts.script, facts.line, facts.message = script, tonumber(line), text or err
  else
    facts.message = "error object is " .. inspect(err)
  end
  if not facts.line and failed_assert.line and (rawequal(failed_assert.message, err) or err == "assertion failed!") then
    facts.script, facts.line = failed_assert.script, failed_assert.line
  end
  if not facts.line or match(facts.script or "", "^luahost/") then facts.script, facts.line = given.path, test_.line end
  return facts
end

local open, is_open = {}, {} -- the blocks whose setup has run, in that order
local late = {} -- errors of teardowns

local function chain_of(test_)
  local chain, at = {}, test_.block
  while at do
    table.insert(chain, 1, at)
    at = at.parent
  end
  return chain
end

-- Tears down the blocks that no test to come is in, innermost first.
local function close_blocks(to_come)
  local keep = {}
  for _, index in ipairs(to_come) do
    for _, each in ipairs(chain_of(tests[index])) do keep[each] = true end
  end
  for i = #open, 1, -1 do
    local each = open[i]
    if not keep[each] then
      for _, body in ipairs(each.teardown) do
        local ok, err = pcall(with_timeout, given.limit, body)
        if not ok then late[#late + 1] = facts_of(err, { line = nil }) end
      end
      table.remove(open, i)
      is_open[each] = nil
    end
  end
end

local function enter_blocks(chain)
  for _, each in ipairs(chain) do
    if not is_open[each] then
      open[#open + 1], is_open[each] = each, true
      for _, body in ipairs(each.setup) do
        entering = true
        body()
        entering = false
      end
    end
  end
end

local function run(test_)
  local chain = chain_of(test_)
  if test_.pending then return { status = "pending" } end
  running, at_end, spawned, failed_assert.line, entering = test_, {}, {}, nil, false
  local failure, skipped
  local function attempt(body)
    entering = false
    doubles.serve()
    local ok, err = pcall(with_timeout, given.limit, body)
    if ok then return end
    if type(err) == "table" and rawget(err, "kind") == "pending" then skipped = skipped or { status = "pending", reason = tostring(err.message) }
    elseif not failure then failure = facts_of(err, test_) end
  end
  attempt(function()
    enter_blocks(chain)
    for _, each in ipairs(chain) do
      for _, body in ipairs(each.before_each) do body() end
    end
    test_.body()
    drain()
  end)
  for i = #at_end, 1, -1 do attempt(at_end[i]) end
  for i = #chain, 1, -1 do
    for _, body in ipairs(chain[i].after_each) do attempt(body) end
  end
  attempt(drain)
  doubles.clear()
  running, at_end = nil, nil
  if failure then return { status = "failed", error = failure } end
  return skipped or { status = "passed" }
end

local chunk, problem = load(given.source, "@" .. given.path)
if not chunk then
  local script, line, text = match(problem, "^(.*):(%d+): (.*)$")
  error({ kind = "syntax", message = text or problem, script = script or given.path, line = tonumber(line) }, 0)
end
chunk()

local listed = json.array {}
for i, each in ipairs(tests) do listed[i] = { names = each.names, line = each.line, pending = each.pending } end
local command = ask("ready", listed)
while command.test do
  local report = run(tests[command.test])
  close_blocks(command.later)
  command = ask("ended", report)
end
close_blocks {}
ask("closed", json.array(late))
