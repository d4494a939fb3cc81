-- what: walking a big table in C, for ever
-- source: docs/security.md, threat model
-- expect: limit
local t = {}
for i = 1, 500000 do t[i] = i end
while true do if table.maxn then table.maxn(t) end end
