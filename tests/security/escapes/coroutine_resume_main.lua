-- what: resuming the host's own coroutine
-- source: docs/security.md, threat model
-- expect: ok
local running = coroutine.running()
assert(running == nil or not coroutine.resume(running))
local outer = coroutine.running()
coroutine.wrap(function()
  if outer then assert(not coroutine.resume(outer)) end
end)()
return "ok"
