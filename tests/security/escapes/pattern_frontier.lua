-- what: frontiers at the ends
-- source: LuaJIT, %f
-- expect: ok
assert(("THE (quick) fox"):find("%f[%a]%a+%f[%A]") == 1)
assert(("abc"):find("%f[%z]") == 4)
return "ok"
