-- what: yielding something of one's own into the scheduler
-- source: docs/security.md, threat model
-- expect: ok
local ok = pcall(coroutine.yield, 1, 2, 3)
assert(not ok)
assert(new_product():name("x"):create())
return "ok"
