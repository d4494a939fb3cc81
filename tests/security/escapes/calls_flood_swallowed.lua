-- what: the call limit is caught and ignored
-- source: docs/security.md, threat model
-- expect: limit
-- timeout: 30
while true do pcall(stripe.products.list, { limit = 1 }) end
