-- what: shared tables that double at each level
-- source: CWE-776, "billion laughs"
-- expect: limit
local t = { "lol" }
for _ = 1, 40 do t = { t, t } end
pcall(json.encode, t)
assert(not pcall(stripe.products.create, { name = "x", metadata = t }))
