-- what: NaN and nil as keys
-- source: Lua 5.1, "table index is NaN"
-- expect: ok
assert(not pcall(function() local t = {} t[0 / 0] = 1 end))
assert(not pcall(function() local t = {} t[nil] = 1 end))
assert(not pcall(rawset, {}, 0 / 0, 1))
return "ok"
