-- what: collection while the parser holds a fresh string
-- source: Redis CVE-2025-49844
-- expect: ok
for i = 1, 200 do
  loadstring(("x"):rep(i) .. " = '" .. ("y"):rep(1000 + i) .. "' syntax error here")
end
return "ok"
