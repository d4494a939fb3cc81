-- what: a bomb inside gsub
-- source: kikito/lua-sandbox
-- expect: limit
while true do (("a"):rep(10000)):gsub(("a-"):rep(20) .. "b", "") end
