-- what: the host's own files in debug.traceback, and what it takes
-- source: Lua 5.1 manual, debug.traceback
-- expect: ok
local seen = {}
local function inside() seen[#seen + 1] = debug.traceback("here") end
inside() pcall(inside) xpcall(inside, inside) map({ 1 }, inside) coroutine.wrap(inside)() spawn(inside):wait()
table.sort({ 2, 1 }, function(a, b) inside() return a < b end)
for _, text in ipairs(seen) do
  assert(not text:find("host", 1, true) and not text:find("<python>", 1, true), text)
  for line in text:gmatch("\n\t([^\n]*)") do
    assert(line:find("^%[C%]: in ") or line:find("debug_traceback%.lua:%d+: in "), line)
  end
end
local hostile = setmetatable({}, { __tostring = function() while true do end end, __len = error })
assert(debug.traceback(hostile) == hostile)
for _, level in ipairs { -5, 0, 1e9, 0 / 0, 1 / 0 } do assert(type(debug.traceback("m", level)) == "string") end
local co = coroutine.create(function() coroutine.yield() end)
coroutine.resume(co)
assert(debug.traceback(co):find("debug_traceback.lua:", 1, true) and #debug.traceback(co, "m", 1e9) < 100)
return "ok"
