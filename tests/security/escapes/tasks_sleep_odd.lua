-- what: sleep of NaN, negative, infinite and text
-- source: docs/security.md, threat model
-- expect: ok
for _, seconds in ipairs { 0 / 0, -1, -1 / 0, "x", {}, true } do pcall(sleep, seconds) end
pcall(with_timeout, 0.01, function() sleep(1 / 0) end)
pcall(with_timeout, 0 / 0, function() end)
return "ok"
