-- what: calls without end
-- source: docs/security.md, threat model
-- expect: limit
while true do stripe.products.list { limit = 1 } end
