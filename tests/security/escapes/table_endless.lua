-- what: a table filled without end
-- source: docs/security.md, threat model
-- expect: limit
local t = {}
while true do t[#t + 1] = {} end
