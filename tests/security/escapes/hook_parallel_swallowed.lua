-- what: tasks that loop, each caught
-- source: docs/security.md, threat model
-- expect: limit
while true do
  pcall(parallel, function() while true do end end, function() while true do end end)
end
