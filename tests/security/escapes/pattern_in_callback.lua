-- what: a bomb inside gsub's callback inside sort's comparison
-- source: docs/security.md, threat model
-- expect: limit
table.sort({ 3, 2, 1 }, function()
  ("x"):gsub("x", function() return (("a"):rep(10000)):match(("a*"):rep(20) .. "b") end)
  while true do end
end)
