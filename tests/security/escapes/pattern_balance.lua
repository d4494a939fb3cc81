-- what: unbalanced brackets
-- source: lua-l: %b from every start
-- expect: limit
while true do (("("):rep(1000000)):find("%b()") end
