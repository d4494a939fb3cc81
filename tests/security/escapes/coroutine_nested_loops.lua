-- what: each level catches the limit and starts again
-- source: lua-users wiki, SandBoxes
-- expect: limit
local function again()
  while true do
    pcall(coroutine.wrap(function() while true do end end))
  end
end
pcall(again)
again()
