-- what: the script's value contains itself
-- source: docs/security.md, threat model
-- expect: error
local t = {}
t.t = t
return t
