-- what: closures without end
-- source: docs/security.md, threat model
-- expect: limit
local f = function() end
while true do local g = f f = function() return g end end
