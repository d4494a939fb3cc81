-- what: an endless replacement function
-- source: lua-users wiki, SandBoxes
-- expect: limit
("x"):gsub("x", function() while true do end end)
