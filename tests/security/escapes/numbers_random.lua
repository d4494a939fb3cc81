-- what: ranges that overflow
-- source: LuaJIT, math.random
-- expect: ok
for _, range in ipairs { { 0, 2 ^ 53 }, { 2, 1 }, { 0 / 0, 1 }, { -2 ^ 63, 2 ^ 63 }, { 1, 1 / 0 } } do pcall(math.random, range[1], range[2]) end
pcall(math.randomseed, 0 / 0)
pcall(math.randomseed, "x")
return "ok"
