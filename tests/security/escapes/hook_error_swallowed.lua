-- what: the limit's error is swallowed by try, again and again
-- source: Splash
-- expect: limit
while true do try(function() while true do end end) end
