-- what: a date format of megabytes, for ever
-- source: LuaJIT, os.date's growing buffer
-- expect: limit
local f = ("%c"):rep(400000)
while true do pcall(os.date, f) end
