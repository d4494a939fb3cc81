-- what: endless tail calls
-- source: Lua 5.1 manual, proper tail calls
-- expect: limit
local function f() return f() end
f()
