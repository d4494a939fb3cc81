-- what: a set of a megabyte against a megabyte
-- source: docs/security.md, threat model
-- expect: limit
local set = "[" .. ("b"):rep(1000000) .. "]"
while true do (("a"):rep(1000000)):find(set) end
