-- what: a position two thousand million below the list
-- source: LuaJIT, table.insert
-- expect: ok
assert(not pcall(table.insert, { 1, 2, 3 }, -2 ^ 31, "x"))
assert(not pcall(table.insert, {}, -2 ^ 53, "x"))
local t = { 1, 2, 3 }
table.insert(t, 1, 0)
assert(t[1] == 0 and t[4] == 3)
return "ok"
