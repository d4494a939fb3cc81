-- what: an id with a query or a fragment
-- source: CWE-74
-- expect: ok
local id = new_product():name("victim"):create()
for _, odd in ipairs { id .. "?expand[]=x", id .. "#x", id .. "?", id .. "&a=b", id .. ";x" } do
  assert(not pcall(stripe.products.retrieve, odd), odd)
end
return "ok"
