-- stub and fail: replace an operation or a function for one test.
local ask, asked, refuse, only_in_a_test, spawn = ...
local type, tostring, ipairs, pcall, rawget, unpack, match, tonumber, error = type, tostring, ipairs, pcall, rawget, unpack,
  string.match, tonumber, error

local functions, server = {}, nil -- the functions among the stubs; the task that calls them

local FIELDS = { "kind", "message", "status", "code", "decline_code", "type", "param", "outcome", "retryable", "hint", "attempts" }

local function facts(err)
  if type(err) ~= "table" then return { message = match(tostring(err), "^[^\n]-:%d+: (.*)$") or tostring(err) } end
  local found = {}
  for _, name in ipairs(FIELDS) do
    local value = rawget(err, name)
    if type(value) == "string" or type(value) == "number" or type(value) == "boolean" then found[name] = value end
  end
  return found
end

local function answer(call)
  local ok, value = pcall(functions[call.fn], unpack(call.arguments, 1, call.n))
  local sent, problem = pcall(ask, "answered", call.call, ok, ok and value or not ok and facts(value) or nil)
  if not sent then ask("answered", call.call, false, facts(problem)) end
end

-- Calls the functions for calls of their targets, until the end of the test.
local function serve()
  if #functions == 0 or (server and server:status() == "running") then return end
  server = spawn(function()
    while true do
      local call = ask("stubbed")
      if not call.call then return end
      spawn(answer, call)
    end
  end)
end

function stub(name, value, options)
  only_in_a_test("stub")
  if value == nil then refuse("stub(\"" .. tostring(name) .. "\", …) expects a value, or a function of the call's arguments") end
  local given = { value = value }
  if type(value) == "function" then
    functions[#functions + 1] = value
    given = { fn = #functions }
  end
  asked("stub", name, given, options)
  serve()
end

function fail(name, options)
  only_in_a_test("fail")
  asked("fail", name, options)
end

-- The test is over.
local function clear()
  ask("clear")
  if server and server:status() == "running" then server:wait() end
  functions, server = {}, nil
end

return { serve = serve, clear = clear }
