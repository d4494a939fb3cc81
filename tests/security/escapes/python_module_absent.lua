-- what: reach Python through the table lupa installs
-- source: lupa README, "Python objects in Lua"
-- expect: ok
assert(python == nil and rawget(_G, "python") == nil and _G.python == nil)
return "ok"
