-- what: a task that cancels itself and goes on
-- source: docs/security.md, threat model
-- expect: ok
local task
task = spawn(function() pcall(task.cancel, task) for _ = 1, 10 do pcall(sleep, 0) end return "end" end)
pcall(task.wait, task)
return "ok"
