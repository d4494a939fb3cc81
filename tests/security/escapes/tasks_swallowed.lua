-- what: the task limit is caught and ignored
-- source: docs/security.md, threat model
-- expect: limit
while true do pcall(spawn, function() sleep(1000) end) end
