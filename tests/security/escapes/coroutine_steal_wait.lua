-- what: resuming a coroutine that waits for a call
-- source: docs/security.md, threat model
-- expect: ok
local co = coroutine.create(function() return new_product():name("x"):create() end)
local task = spawn(function() return coroutine.resume(co) end)
sleep(0)
local stolen, message = coroutine.resume(co, "forged")
local ok, id = task:wait()
assert(ok and id:find("^prod_"))
assert(not stolen or message == nil or message == id)
return "ok"
