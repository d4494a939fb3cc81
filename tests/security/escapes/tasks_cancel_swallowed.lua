-- what: a task that catches its cancellation
-- source: docs/security.md, threat model
-- expect: ok
local task = spawn(function() for _ = 1, 100 do pcall(sleep, 0.001) end end)
sleep(0)
task:cancel()
pcall(task.wait, task)
return "ok"
