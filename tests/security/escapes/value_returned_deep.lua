-- what: the script's value is nested without end
-- source: docs/security.md, threat model
-- expect: error
local t = {}
local inner = t
for _ = 1, 100000 do inner.t = {} inner = inner.t end
return t
