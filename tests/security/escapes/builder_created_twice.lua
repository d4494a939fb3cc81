-- what: create() again after it succeeded
-- source: docs: create()
-- expect: ok
local b = new_product():name("x")
assert(b:create())
assert(not pcall(b.create, b))
return "ok"
