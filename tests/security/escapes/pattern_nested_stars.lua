-- what: stars in a row
-- source: kikito/lua-sandbox README, string patterns
-- expect: limit
while true do (("a"):rep(10000)):find(("a*"):rep(30) .. "b") end
