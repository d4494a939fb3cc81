-- assert, with busted's names: assert.equals, assert.is_not_nil, assert.are.same, assert.has_error …
-- Called once per test file with the functions it needs; returns the table that replaces assert.
local ask, inspect = ...
local type, tostring, tonumber, pairs, ipairs, select, error, pcall, rawequal, rawget, setmetatable, getmetatable, assert =
  type, tostring, tonumber, pairs, ipairs, select, error, pcall, rawequal, rawget, setmetatable, getmetatable, assert
local globals, find, gmatch, match, format, abs, concat, sort = _G, string.find, string.gmatch, string.match, string.format,
  math.abs, table.concat, table.sort

local last = {} -- the last plain assert(…) that failed, whose message does not have its place

-- The place in the test: the innermost line outside of the host's files.
local function place()
  for level = 3, 30 do
    local _, where = pcall(error, "", level)
    local script, line = match(where, "^(.*):(%d+): $")
    if script and not find(script, "^luahost/") then return script, tonumber(line) end
  end
end

-- Raises a failed assertion at the line of its call.
local function fail(message, expected, actual)
  local script, line = place()
  error(setmetatable({ kind = "assertion", message = message, script = script, line = line, expected = expected, actual = actual },
    { __tostring = function(e) return e.message end }), 0)
end

local function same(a, b, seen)
  if rawequal(a, b) or a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  seen = seen or {}
  if seen[a] == b then return true end
  seen[a] = b
  for key, value in pairs(a) do
    if not same(value, b[key], seen) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

-- Whether actual contains all of expected.
local function within(expected, actual)
  if type(expected) ~= "table" or type(actual) ~= "table" then return same(expected, actual) end
  for key, value in pairs(expected) do
    if not within(value, actual[key]) then return false end
  end
  return true
end

local function message_of(err)
  if type(err) == "table" then
    local text = rawget(err, "message")
    if type(text) == "string" then return text end
  end
  return tostring(err)
end

local function without_place(text) return (match(text, "^[^\n]-:%d+: (.*)$")) or text end

local function needs_function(fn, who)
  if type(fn) ~= "function" then error("assert." .. who .. " expects a function to call, got " .. type(fn), 0) end
end

-- Each returns whether it holds, the expected and the actual value, and the assertion's result.
local checks = {}

function checks.equals(expected, actual) return rawequal(expected, actual) or expected == actual, inspect(expected), inspect(actual) end
function checks.same(expected, actual) return same(expected, actual), inspect(expected), inspect(actual) end
checks["true"] = function(value) return value == true, "true", inspect(value) end
checks["false"] = function(value) return value == false, "false", inspect(value) end
checks["nil"] = function(value) return value == nil, "nil", inspect(value) end
function checks.truthy(value) return not not value, "a true value", inspect(value) end
function checks.falsy(value) return not value, "nil or false", inspect(value) end
function checks.matches(pattern, text)
  return type(text) == "string" and find(text, pattern) ~= nil, "text that matches " .. inspect(pattern), inspect(text)
end
function checks.near(expected, actual, tolerance)
  if type(expected) ~= "number" or type(tolerance) ~= "number" then
    error("assert.near expects a number, the value and a tolerance", 0)
  end
  return type(actual) == "number" and abs(expected - actual) <= tolerance, format("%g ± %g", expected, tolerance), inspect(actual)
end
for _, kind in ipairs { "string", "number", "boolean", "table", "function", "userdata", "thread" } do
  checks[kind] = function(value) return type(value) == kind, "a " .. kind, inspect(value) end
end

-- The error of fn() is what is expected: any; this text, with or without its place; or a table with these fields.
function checks.error(fn, expected)
  needs_function(fn, "has_error")
  local ok, err = pcall(fn)
  local shown = ok and "no error" or ("the error " .. inspect(type(err) == "table" and message_of(err) or err))
  if ok or expected == nil then return not ok, "an error", shown, err end
  if type(expected) == "table" then
    return within(expected, err), "an error with " .. inspect(expected), "the error " .. inspect(err), err
  end
  local text = message_of(err)
  return rawequal(err, expected) or text == expected or without_place(text) == expected, "the error " .. inspect(expected), shown, err
end
function checks.error_matches(fn, pattern)
  needs_function(fn, "error_matches")
  local ok, err = pcall(fn)
  if ok then return false, "an error that matches " .. inspect(pattern), "no error" end
  local text = message_of(err)
  return find(text, pattern) ~= nil, "an error that matches " .. inspect(pattern), "the error " .. inspect(text), err
end

local OTHER_NAMES = {
  equal = "equals", same = "same", eq = "equals", is_true = "true", errors = "error", error = "error", matches_error = "error_matches",
  match = "matches", error_match = "error_matches", falsey = "falsy",
}
local WORDS = { is = true, are = true, was = true, were = true, has = true, have = true, does = true, be = true, a = true, an = true }

-- Calls -------------------------------------------------------------------------------------------------
local function shown_calls(calls)
  local out = {}
  for i, call in ipairs(calls) do
    local parts = {}
    for j, argument in ipairs(call) do parts[j] = inspect(argument) end
    out[i] = "(" .. concat(parts, ", ") .. ")"
  end
  return #out == 0 and "no call" or concat(out, "\n          ")
end

-- A name that no script can call must not count as "not called".
local function check_name(name)
  if type(name) ~= "string" then error("assert.called expects the name of an operation or function, got " .. type(name), 0) end
  local value = globals
  for step in gmatch(name, "[^.]+") do value = value[step] end
  if value == nil then error("assert.called: there is no " .. name .. " a script could call", 0) end
end

local function made(call, ...)
  local n, expected = select("#", ...), { ... }
  if n == 1 and type(expected[1]) == "table" then
    for _, argument in pairs(call) do
      if type(argument) == "table" and within(expected[1], argument) then return true end
    end
    return false
  end
  for i = 1, n do
    if not within(expected[i], call[i]) then return false end
  end
  return true
end

local function spied(name, calls)
  local self = { calls = calls }
  function self.times(a, b)
    local n = b or a
    if #calls ~= n then
      fail(name .. " was called " .. #calls .. " times, not " .. tostring(n), n .. " calls", shown_calls(calls))
    end
    return self
  end
  self["with"] = function(first, ...)
    local matching = {}
    for _, call in ipairs(calls) do
      local hit
      if rawequal(first, self) then hit = made(call, ...) else hit = made(call, first, ...) end
      if hit then matching[#matching + 1] = call end
    end
    if #matching == 0 then
      local wanted = rawequal(first, self) and { ... } or { first, ... }
      fail(name .. " was not called with these arguments", shown_calls { wanted }, shown_calls(calls))
    end
    return spied(name, matching)
  end
  return self
end

local function calls_of(name)
  check_name(name)
  return ask("calls", name)
end

local function called(name)
  local calls = calls_of(name)
  if #calls == 0 then fail(name .. " was not called", "a call", "no call") end
  return spied(name, calls)
end

local function not_called(name)
  local calls = calls_of(name)
  if #calls > 0 then fail(name .. " was called", "no call", shown_calls(calls)) end
end

-- Names -------------------------------------------------------------------------------------------------
local function assertion(name, negated)
  if name == "called" then return negated and not_called or called end
  local check = checks[name]
  return function(...)
    local holds, expected, actual, given = check(...)
    if holds == negated then
      fail("assert." .. (negated and "not_" or "") .. name .. " failed", (negated and "not " or "") .. expected, actual)
    end
    if name == "error" or name == "error_matches" then return given end
    return ...
  end
end

local function known()
  local names = { "called" }
  for name in pairs(checks) do names[#names + 1] = name end
  sort(names)
  return concat(names, ", ")
end

local words

-- "is_not_nil" → nil, negated; "are" → more words to come.
local function resolve(key, negated)
  local rest = key
  while true do
    local name = OTHER_NAMES[rest] or rest
    if checks[name] or name == "called" then return assertion(name, negated) end
    local word, more = match(rest, "^(%a+)_(.+)$")
    word = word or rest
    if word == "no" or word == "not" then negated = not negated
    elseif not WORDS[word] then
      error("there is no assert." .. key .. "; there are " .. known() .. ", each also with is_, has_ or not_ before it", 3)
    end
    if not more then return words(negated) end
    rest = more
  end
end

function words(negated)
  return setmetatable({}, {
    __index = function(_, key) return resolve(key, negated) end,
    __call = function(_, ...) -- Lua's own assert
      if negated then return assertion("truthy", true)(...) end
      if (...) then return ... end
      last.message, last.script, last.line = select(2, ...), place()
      return assert(...)
    end,
  })
end

return words(false), last, place
