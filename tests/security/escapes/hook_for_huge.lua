-- what: a numeric for of 2^53 rounds
-- source: Lua 5.1 manual, for
-- expect: limit
for i = 1, 2 ^ 53 do end
