-- what: keys whose hashes collide
-- source: oCERT-2011-003
-- expect: limit
local t = {}
while true do
  for i = 1, 1000 do t[("%016d"):format(i) .. ("x"):rep(200)] = i end
end
