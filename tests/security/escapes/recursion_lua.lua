-- what: recursion of a Lua function
-- source: Lua 5.1, stack overflow
-- expect: ok
local function f() return 1 + f() end
local ok, message = pcall(f)
assert(not ok and tostring(message):find("overflow"))
return "ok"
