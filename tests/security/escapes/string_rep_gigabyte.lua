-- what: string.rep of a gigabyte
-- source: kikito/lua-sandbox README
-- expect: limit
return #("x"):rep(1e9)
