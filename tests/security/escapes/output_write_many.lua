-- what: io.write of many pieces
-- source: docs/security.md, threat model
-- expect: limit
local pieces = {}
for i = 1, 5000 do pieces[i] = ("x"):rep(1000) end
while true do io.write(unpack(pieces)) end
