-- what: a task that waits for itself
-- source: docs/security.md, threat model
-- expect: error wait for itself
local task
task = spawn(function() return task:wait() end)
task:wait()
