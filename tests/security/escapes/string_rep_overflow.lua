-- what: a size past 2^31 and 2^63
-- source: Redis, integer overflow in string.rep
-- expect: limit
pcall(string.rep, "xx", 2 ^ 31)
pcall(string.rep, "xx", 2 ^ 63)
pcall(string.rep, "xx", 1 / 0)
return string.rep("xx", 2 ^ 53)
