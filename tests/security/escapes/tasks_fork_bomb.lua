-- what: tasks that start tasks
-- source: docs/security.md, threat model
-- expect: limit
local function f() spawn(f) spawn(f) sleep(0) end
f()
