-- what: a step too small to count
-- source: Lua 5.1, numeric for with a step lost in rounding
-- expect: limit
for i = 2 ^ 53, 2 ^ 53 + 10, 0.1 do end
