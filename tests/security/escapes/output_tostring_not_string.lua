-- what: __tostring that gives a number
-- source: Lua 5.1, print
-- expect: ok
assert(not pcall(print, setmetatable({}, { __tostring = function() return {} end })))
return "ok"
