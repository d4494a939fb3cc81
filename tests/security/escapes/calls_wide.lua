-- what: hundreds of thousands of values in one call, each of which the host checks and encodes
-- source: own finding: eight million took the host a minute and 3 GB
-- expect: ok
local wide = {}
for n = 1, 300000 do wide[n] = "x" end
for _, attempt in ipairs {
  function() new_product():name("x"):images(wide):create() end,
  function() stripe.products.create { name = "x", metadata = wide } end,
  function() stripe.products.create { name = "x", metadata = { a = { wide } } } end,
} do
  local ok, err = pcall(attempt)
  assert(not ok and err.kind == "invalid", tostring(err))
end
return "ok"
