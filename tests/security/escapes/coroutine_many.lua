-- what: coroutines without end
-- source: docs/security.md, threat model
-- expect: limit
local all = {}
while true do all[#all + 1] = coroutine.create(function() coroutine.yield() end) coroutine.resume(all[#all]) end
