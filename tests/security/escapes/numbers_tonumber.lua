-- what: numbers a megabyte long and odd bases
-- source: LuaJIT, lj_strscan
-- expect: ok
for _, base in ipairs { 0, 1, 37, -1, 2 ^ 31, 0 / 0, 10, 36 } do pcall(tonumber, ("z"):rep(1000000), base) end
tonumber(("9"):rep(1000000))
tonumber("0x" .. ("f"):rep(1000000))
tonumber("1e" .. ("9"):rep(100000))
return "ok"
