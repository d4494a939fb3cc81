-- what: string.dump to make bytecode of one's own
-- source: corsix, "Exploiting Lua 5.1"
-- expect: ok
assert(string.dump == nil and ("").dump == nil)
return "ok"
