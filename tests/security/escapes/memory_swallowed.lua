-- what: the memory error is caught and the filling goes on
-- source: Splash, memory limit
-- expect: limit
local t = {}
while true do pcall(function() while true do t[#t + 1] = ("x"):rep(1000) .. #t end end) end
