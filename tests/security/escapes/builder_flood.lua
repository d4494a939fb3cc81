-- what: builders without end
-- source: docs/security.md, threat model
-- expect: limit
local keep = {}
while true do keep[#keep + 1] = new_product():name("x") end
