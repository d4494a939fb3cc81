-- what: a link beside the script to a file outside
-- source: CWE-61
-- expect: ok
local ok, value = pcall(require, "linked")
assert(not ok, tostring(value))
local ok, value = pcall(require, "linked_folder.secret")
assert(not ok, tostring(value))
return "ok"
