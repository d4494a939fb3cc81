-- what: __index that leads to itself
-- source: Lua 5.1, "loop in gettable"
-- expect: ok
local a = {}
setmetatable(a, { __index = a })
assert(not pcall(function() return a.x end))
return "ok"
