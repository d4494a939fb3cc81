-- what: quadratic sorting without a comparison function
-- source: McIlroy, "A Killer Adversary for Quicksort"
-- expect: limit
local t = {}
for i = 1, 20000 do t[i] = i % 2 == 0 and i or 20000 - i end
while true do table.sort(t) end
