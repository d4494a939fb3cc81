-- what: inspect of shared tables that double at each level
-- source: CWE-776, "billion laughs"
-- expect: ok
local t = { "lol" }
for _ = 1, 40 do t = { t, t } end
assert(#inspect(t) < 8000000)
return "ok"
