-- what: what of debug there is
-- source: lua-users wiki, SandBoxes; Lua 5.1 manual, 5.9
-- expect: ok
local names = {}
for name in pairs(debug) do names[#names + 1] = name end
table.sort(names)
assert(table.concat(names, " ") == "getinfo traceback")
return "ok"
