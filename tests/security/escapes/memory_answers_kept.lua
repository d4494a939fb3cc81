-- what: big answers kept
-- source: docs/security.md, threat model
-- expect: limit
local id = new_product():name("x"):description(("d"):rep(4000)):create()
local keep = {}
while true do keep[#keep + 1] = stripe.products.retrieve(id) end
