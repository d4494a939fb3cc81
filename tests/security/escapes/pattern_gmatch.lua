-- what: a bomb inside gmatch
-- source: kikito/lua-sandbox
-- expect: limit
for _ in (("a"):rep(10000)):gmatch(("a*"):rep(20) .. "b") do end
while true do end
