-- what: no value a script can see is the scheduler's sign for waiting
-- source: docs/security.md, threat model
-- expect: ok
local seen = {}
local co = coroutine.create(function() sleep(0) new_product():name("x"):create() return "done" end)
local out = { coroutine.resume(co) }
assert(out[1] == true and out[2] == "done" and #out == 2)
return "ok"
