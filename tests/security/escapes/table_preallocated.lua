-- what: huge table constructors made by load
-- source: LuaJIT, table.new
-- expect: limit
local f = loadstring("return {" .. ("1,"):rep(100000) .. "}")
local keep = {}
while true do keep[#keep + 1] = f() end
