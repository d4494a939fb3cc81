-- what: memory runs out so that nothing is left to word the run's end with
-- source: found by tests/security/fuzz.py
-- expect: limit
-- memory: 16
local function deep(n) if n == 0 then new_product().set() else deep(n - 1) end return n end
local keep = {}
while true do local co = coroutine.create(deep) coroutine.resume(co, 5000) keep[#keep + 1] = co end
