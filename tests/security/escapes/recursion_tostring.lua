-- what: recursion through __tostring and %s
-- source: LuaJIT, __tostring called from C
-- expect: ok
local t
t = setmetatable({}, { __tostring = function() local s = tostring(t) return s end })
assert(not pcall(tostring, t))
assert(not pcall(print, t))
assert(not pcall(string.format, "%s", t))
local u
u = setmetatable({}, { __tostring = function() local s = string.format("%s", u) return s end })
assert(not pcall(tostring, u))
return "ok"
