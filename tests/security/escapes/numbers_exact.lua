-- what: big whole numbers keep all their digits
-- source: docs: numbers
-- expect: ok
local id = new_product():name("x"):metadata("n", 2 ^ 53 - 1):metadata("e", 1e15):metadata("h", 0.1):create()
local m = stripe.products.retrieve(id).metadata
assert(m.n == "9007199254740991" and m.e == "1000000000000000" and m.h == "0.1", m.n .. m.e .. m.h)
return "ok"
