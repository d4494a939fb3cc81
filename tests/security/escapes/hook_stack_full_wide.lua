-- what: frames of two hundred slots that loop where no hook fits
-- source: docs/security.md, threat model
-- expect: limit
local body = {}
for i = 1, 190 do body[i] = "local a" .. i .. " = 0" end
local f
f = load(table.concat(body, " ") .. " local f = ... pcall(f, f) while true do end")
while true do pcall(f, f) end
