-- what: debug on a stack as deep as there is, over and over
-- source: the cost of going through a stack's levels one by one
-- expect: limit
-- lua_time: 0.25
local function deep(n)
  if n > 0 then return 1 + deep(n - 1) end
  while true do pcall(debug.getinfo, 900) pcall(debug.traceback, "x") end
end
while true do pcall(deep, 5000) end
