-- what: positions that overflow
-- source: Lua 5.1, table.insert
-- expect: ok
for _, at in ipairs { 0, -1, 2 ^ 31, -2 ^ 31, 2 ^ 53, 1.5 } do pcall(table.insert, { 1, 2, 3 }, at, "x") end
return "ok"
