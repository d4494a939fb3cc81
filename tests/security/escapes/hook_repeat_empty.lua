-- what: the shortest loops there are
-- source: LuaJIT, empty loops
-- expect: limit
repeat until false
