-- what: memory filled with strings that are kept to the end
-- source: docs/security.md, threat model
-- expect: limit
local t = {}
for i = 1, 1e9 do t[i] = ("x"):rep(1000) .. i end
