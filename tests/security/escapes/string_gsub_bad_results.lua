-- what: replacements that are no text
-- source: Lua 5.1, "invalid replacement value"
-- expect: ok
for _, value in ipairs { {}, print, true, new_product(), STRIPE_API_KEY } do
  assert(not pcall(string.gsub, "x", "x", function() return value end))
end
return "ok"
