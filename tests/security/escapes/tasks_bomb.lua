-- what: tasks without end
-- source: docs/security.md, threat model
-- expect: limit
while true do spawn(function() sleep(1000) end) end
