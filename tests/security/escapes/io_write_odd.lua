-- what: io.write of things that are no text
-- source: docs/security.md, threat model
-- expect: ok
for _, value in ipairs { {}, print, true, new_product(), STRIPE_API_KEY } do assert(not pcall(io.write, value)) end
assert(not pcall(io.write, nil))
return "ok"
