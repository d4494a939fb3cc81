-- what: %q makes zeros longer
-- source: docs/security.md, threat model
-- expect: limit
local s = ("\0"):rep(6000000)
return #string.format("%q", s)
