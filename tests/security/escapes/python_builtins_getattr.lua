-- what: builtins.getattr walks past an attribute filter
-- source: CVE-2026-34444 (lupa, GHSA-69v7-xpr6-6gjm)
-- expect: ok
local ok = pcall(function() return python.builtins.getattr("", "__class__") end)
assert(not ok)
return "ok"
