-- what: a call now and then resets Lua's time, not the run's
-- source: docs/security.md, threat model
-- expect: timeout
-- timeout: 0.6
while true do
  sleep(0.001)
  for i = 1, 1000 do end
end
