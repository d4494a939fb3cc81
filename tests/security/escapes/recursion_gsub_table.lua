-- what: recursion through a replacement table's __index
-- source: LuaJIT, luaL_Buffer on C's stack
-- expect: ok
local t
t = setmetatable({}, { __index = function() local s = ("x"):gsub("x", t) return s end })
assert(not pcall(function() return t.x end))
return "ok"
