-- what: amounts that are no whole numbers
-- source: docs: numbers
-- expect: ok
for _, amount in ipairs { 0 / 0, 1 / 0, -1 / 0, 29.99, 2 ^ 53 + 2, 1e300, "x", true, {}, 1e-300 } do
  local ok, err = pcall(function() return new_price():currency("usd"):product("prod_x"):amount(amount) end)
  assert(not ok, tostring(amount))
end
return "ok"
