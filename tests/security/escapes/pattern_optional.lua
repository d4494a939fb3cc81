-- what: optional items in a row
-- source: IronBox README: a?^n a^n
-- expect: limit
local n = 50
while true do ("a"):rep(n):find(("a?"):rep(n) .. ("a"):rep(n + 1)) end
