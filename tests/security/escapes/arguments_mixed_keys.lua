-- what: keys that are booleans, tables, fractions, functions
-- source: docs/security.md, threat model
-- expect: ok
for _, key in ipairs { true, {}, 1.5, print, -1, 2 ^ 53, new_product() } do
  pcall(stripe.products.create, { [key] = "x" })
  pcall(function() return new_product():metadata { [key] = "x" } end)
  pcall(json.encode, { [key] = "x" })
  pcall(inspect, { [key] = "x" })
end
return "ok"
