-- what: the size comes from the separator
-- source: LuaJIT extensions, string.rep with a separator
-- expect: limit
return #(""):rep(1e6, ("x"):rep(1e5))
