-- what: coroutines with deep stacks
-- source: docs/security.md, threat model
-- expect: limit
local function deep(n) if n == 0 then coroutine.yield() else deep(n - 1) end return n end
local keep = {}
while true do local co = coroutine.create(deep) coroutine.resume(co, 5000) keep[#keep + 1] = co end
