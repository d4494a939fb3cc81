-- what: the script's value is shared tables that double
-- source: docs/security.md, threat model
-- expect: any
local t = { "lol" }
for _ = 1, 40 do t = { t, t } end
return t
