-- what: millions of different short strings
-- source: docs/security.md, threat model
-- expect: limit
local t = {}
for i = 1, 1e9 do t[i] = "k" .. i end
