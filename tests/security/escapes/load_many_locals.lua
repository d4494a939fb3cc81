-- what: more locals than a function may have
-- source: LuaJIT, LUAI_MAXVARS
-- expect: ok
local names = {}
for i = 1, 300 do names[i] = "a" .. i end
assert(loadstring("local " .. table.concat(names, ",") .. " = 1") == nil)
return "ok"
