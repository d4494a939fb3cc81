-- what: a method of one resource called on a builder of another
-- source: docs/security.md, threat model
-- expect: ok
local amount = new_price().amount
local ok, err = pcall(amount, new_product(), 5)
assert(not ok or type(err) == "userdata")
return "ok"
