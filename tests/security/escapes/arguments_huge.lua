-- what: a table of a hundred thousand members
-- source: docs/security.md, threat model
-- expect: ok
local t = { name = "x", metadata = {} }
for i = 1, 5000 do t.metadata["k" .. i] = "v" end
pcall(stripe.products.create, t)
return "ok"
