-- what: load with mode "b"
-- source: Lua 5.2 manual, load
-- expect: ok
assert(load("return 1", "x", "b") == nil)
assert(load("\27LJ\2", "x", "bt") == nil)
return "ok"
