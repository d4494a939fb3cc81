-- what: compiling huge sources for ever
-- source: docs/security.md, threat model
-- expect: limit
local source = "local x = 1 " .. ("x = x + 1 "):rep(50000)
while true do loadstring(source) end
