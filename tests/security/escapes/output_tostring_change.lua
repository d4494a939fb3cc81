-- what: print's idea of tostring replaced
-- source: lua-users wiki, SandBoxes
-- expect: ok
tostring = function() return {} end
print(1, nil, true)
return "ok"
