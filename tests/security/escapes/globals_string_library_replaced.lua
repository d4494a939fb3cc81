-- what: string functions replaced by spies
-- source: Redis CVE-2022-24735
-- expect: ok
local seen = 0
for name in pairs(string) do string[name] = function() seen = seen + 1 return "" end end
local id = new_product():name("still"):create()
assert(stripe.products.retrieve(id).name == "still" and seen == 0)
return "ok"
