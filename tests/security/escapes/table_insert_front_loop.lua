-- what: shifting a long list in C, for ever
-- source: docs/security.md, threat model
-- expect: limit
local t = {}
for i = 1, 500000 do t[i] = i end
while true do table.insert(t, 1, 0) end
