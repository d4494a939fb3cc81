-- what: the limit's error object is rewritten by whoever catches it
-- source: docs/security.md, threat model
-- expect: limit
local ok, err = pcall(function() while true do end end)
if type(err) == "table" then
  err.kind, err.message, err.exit = nil, nil, 0
  for k in next, err do err[k] = nil end
end
while true do end
