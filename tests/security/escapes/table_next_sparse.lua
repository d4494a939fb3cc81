-- what: next over a table emptied in place
-- source: docs/security.md, threat model
-- expect: limit
local t = {}
for i = 1, 500000 do t[i] = i end
for i = 1, 500000 do t[i] = nil end
while true do next(t) end
