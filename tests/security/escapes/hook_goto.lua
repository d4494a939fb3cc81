-- what: a loop made of goto
-- source: LuaJIT, goto
-- expect: limit
local f = loadstring("::top:: goto top")
f()
