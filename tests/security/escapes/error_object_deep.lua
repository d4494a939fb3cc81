-- what: an error object nested without end
-- source: docs/security.md, threat model
-- expect: error
local t = { message = "deep" }
local inner = t
for _ = 1, 100000 do inner.next = {} inner = inner.next end
inner.next = t
error(t)
