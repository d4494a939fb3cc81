-- what: an honest module works, and has the script's globals
-- source: docs/security.md, threat model
-- expect: ok
local module = require("neighbour")
assert(module.answer == 42 and module.debug == debug and module.globals == _G)
assert(require("neighbour") == module)
return "ok"
