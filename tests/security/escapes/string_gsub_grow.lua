-- what: gsub with a long replacement
-- source: kikito/lua-sandbox
-- expect: limit
return #(("x"):rep(100000)):gsub("x", ("y"):rep(100000))
