-- what: a task's function yields to the scheduler
-- source: docs/security.md, threat model
-- expect: ok
local task = spawn(function() return pcall(coroutine.yield, {}) end)
assert(task:wait() == false)
return "ok"
