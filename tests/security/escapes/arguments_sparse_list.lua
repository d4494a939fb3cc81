-- what: a list with a hole of a million
-- source: docs/security.md, threat model
-- expect: ok
pcall(stripe.products.create, { name = "x", images = { [1] = "a", [1000000] = "b" } })
pcall(json.encode, { [1] = 1, [2 ^ 30] = 2 })
pcall(json.encode, json.array { [1] = 1, [2 ^ 30] = 2 })
return "ok"
