-- what: two tasks that wait for each other
-- source: docs/security.md, threat model
-- expect: error
local a, b
a = spawn(function() b:wait() end)
b = spawn(function() a:wait() end)
a:wait()
