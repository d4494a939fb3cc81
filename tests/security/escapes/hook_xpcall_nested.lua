-- what: handlers that raise in handlers
-- source: Lua 5.1, error in error handling
-- expect: limit
local function f() error("x") end
local function h() return xpcall(f, h) end
while true do xpcall(f, h) end
