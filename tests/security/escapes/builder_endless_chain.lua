-- what: a chain of builder calls without end
-- source: docs/security.md, threat model
-- expect: limit
local b = new_product()
local i = 0
while true do i = i + 1 b:metadata("k" .. i, ("v"):rep(100)) end
