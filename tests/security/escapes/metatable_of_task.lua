-- what: the metatable of tasks
-- source: docs/security.md, threat model
-- expect: ok
local task = spawn(function() return 1 end)
assert(not getmetatable(task))
pcall(function() task.wait = nil end)
pcall(rawset, task, "co", coroutine.create(function() end))
assert(spawn(function() return 2 end):wait() == 2)
return "ok"
