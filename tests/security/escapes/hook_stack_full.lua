-- what: a loop that catches its own overflows at the top of the stack, where the hook overflows too
-- source: docs/security.md, threat model
-- expect: limit
local function f() while true do pcall(f) end end
f()
