-- what: a big string many times over in table.concat
-- source: kikito/lua-sandbox
-- expect: limit
local s, t = ("x"):rep(1000000), {}
for i = 1, 1000 do t[i] = s end
return #table.concat(t)
