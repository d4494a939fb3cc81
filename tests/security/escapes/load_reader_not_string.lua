-- what: a reader that returns a table
-- source: Lua 5.1 manual, load
-- expect: ok
local f = load(function() return {} end)
assert(f == nil)
return "ok"
