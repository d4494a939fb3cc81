-- what: __gc of a table does not run in Lua 5.1
-- source: lua-users wiki, SandBoxes
-- expect: ok
local ran = false
for _ = 1, 1000 do setmetatable({}, { __gc = function() ran = true while true do end end }) end
local t = {}
for i = 1, 20000 do t[i % 100] = { i } end
assert(not ran)
return "ok"
