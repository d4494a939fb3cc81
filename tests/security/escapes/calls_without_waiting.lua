-- what: calls in tasks nobody waits for
-- source: docs/security.md, threat model
-- expect: limit
-- timeout: 30
while true do spawn(pcall, stripe.products.list, { limit = 1 }) sleep(0) end
