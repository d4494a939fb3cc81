-- what: the same with the function as its own handler
-- source: docs/security.md, threat model
-- expect: limit
local function f() while true do xpcall(f, f) end end
f()
