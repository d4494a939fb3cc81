-- what: a big separator
-- source: docs/security.md, threat model
-- expect: limit
local t = {}
for i = 1, 1000 do t[i] = i end
return #table.concat(t, ("x"):rep(1000000))
