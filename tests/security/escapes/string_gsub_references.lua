-- what: a replacement that repeats the subject
-- source: docs/security.md, threat model
-- expect: limit
return #(("x"):rep(100000)):gsub(".*", ("%0"):rep(10000))
