-- what: a reader that never ends
-- source: lua-l: load with an endless reader
-- expect: limit
load(function() return " " end)
while true do end
