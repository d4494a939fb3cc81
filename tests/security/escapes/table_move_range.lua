-- what: moving 2^31 holes
-- source: LuaJIT, table.move
-- expect: limit
if not table.move then while true do end end
pcall(table.move, {}, 1, 2 ^ 31 - 2, 2)
while true do table.move({}, 1, 1e9, 2) end
