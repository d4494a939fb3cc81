-- what: NaN, negative and fractional counts
-- source: LuaJIT, number conversions
-- expect: ok
assert(("x"):rep(0 / 0) == "" and ("x"):rep(-5) == "" and ("x"):rep(-1 / 0) == "")
assert(("x"):rep(2.9) == "xx" and ("x"):rep("3") == "xxx")
return "ok"
