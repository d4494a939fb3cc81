-- what: pcall around an endless loop, for ever
-- source: Splash, "pcall catches the instruction limit"
-- expect: limit
while true do pcall(function() while true do end end) end
