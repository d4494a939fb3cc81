-- what: an endless comparison function
-- source: lua-l: table.sort in sandboxes
-- expect: limit
table.sort({ 3, 2, 1 }, function() while true do end end)
