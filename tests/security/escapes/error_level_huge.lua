-- what: levels outside the stack
-- source: Lua 5.1 manual, error
-- expect: error
pcall(error, "x", 1e9)
pcall(error, "x", -1e9)
error("x", 2 ^ 31)
