-- what: one star from every start
-- source: lua-l: quadratic find
-- expect: limit
while true do (("a"):rep(1000000)):match("a*b") end
