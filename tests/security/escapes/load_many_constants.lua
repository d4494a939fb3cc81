-- what: more constants than a function may have
-- source: LuaJIT, BCMAX_D
-- expect: ok
local parts = {}
for i = 1, 70000 do parts[i] = "x=" .. i .. ".5" end
local f, message = loadstring(table.concat(parts, "\n"))
assert(f == nil or type(f) == "function")
return "ok"
