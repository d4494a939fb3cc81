-- what: a protected metatable stays protected
-- source: Lua 5.1 manual, __metatable
-- expect: ok
local t = setmetatable({}, { __metatable = "mine" })
assert(getmetatable(t) == "mine" and not pcall(setmetatable, t, {}))
return "ok"
