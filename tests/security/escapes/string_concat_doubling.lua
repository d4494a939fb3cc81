-- what: a string doubled with .. until memory ends
-- source: lua-users wiki, SandBoxes
-- expect: limit
local s = "x"
while true do s = s .. s end
