-- what: a folder and a pipe beside the script
-- source: docs/security.md, threat model
-- expect: ok
assert(not pcall(require, "folder"))
assert(not pcall(require, "pipe"))
return "ok"
