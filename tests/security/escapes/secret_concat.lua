-- what: the key joined to text, then read
-- source: CWE-200
-- expect: ok
local joined = "Bearer " .. STRIPE_API_KEY .. "!"
assert(not tostring(joined):find("corpus", 1, true))
assert(not pcall(function() return #joined end) or true)
assert(not pcall(table.concat, { STRIPE_API_KEY }))
return "ok"
