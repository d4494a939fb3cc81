-- what: the environment as a whole
-- source: CWE-526
-- expect: ok
assert(not pcall(next, env) or next(env) == nil)
assert(not pcall(pairs, env) or pcall(function() for k in pairs(env) do error(k) end end) or true)
assert(not tostring(env):find("=", 1, true))
return "ok"
