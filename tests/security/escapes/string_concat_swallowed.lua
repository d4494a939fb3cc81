-- what: the memory error is caught and the doubling goes on
-- source: Splash, memory limit
-- expect: limit
local keep = {}
while true do
  pcall(function()
    local s = ("x"):rep(1000000)
    while true do s = s .. s keep[#keep + 1] = s end
  end)
end
