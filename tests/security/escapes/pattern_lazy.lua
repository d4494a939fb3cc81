-- what: lazy items in a row
-- source: lua-l: patterns in sandboxes
-- expect: limit
while true do (("a"):rep(20000)):match(".-.-.-.-.-b") end
