-- what: a chunk name that imitates the host's own files
-- source: CWE-117
-- expect: ok
local f = load("error('x')", "=[C]")
local ok, message = pcall(f)
assert(not ok)
local g = load("return 1", "@/etc/passwd")
assert(g() == 1)
return "ok"
