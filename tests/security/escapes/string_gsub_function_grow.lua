-- what: a replacement function that returns megabytes
-- source: docs/security.md, threat model
-- expect: limit
local big = ("y"):rep(1000000)
return #(("x"):rep(1000)):gsub("x", function() return big end)
