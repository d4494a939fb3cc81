-- what: names of a megabyte wherever the nearest valid one is looked for
-- source: docs/security.md, threat model (own finding: comparing is quadratic, the message repeats the name)
-- expect: ok
local long = ("currency"):rep(131072)
local product = new_product()
local tries = {
  function() return stripe[long] end,
  function() return stripe["new_" .. long] end,
  function() return stripe.products[long] end,
  function() return product[long](product, 1) end,
  function() return product:set(long, 1) end,
  function() return stripe.products.create { [long] = 1 } end,
  function() return stripe.prices.create { recurring = { [long] = 1 } } end,
  function() return stripe.products.create({ name = "x" }, { [long] = 1 }) end,
  function() return require(long) end,
  function() return load("return " .. long .. "()") end,
}
for n = 1, #tries - 1 do
  local ok, err = pcall(tries[n])
  assert(not ok and #tostring(err) < 1000, n)
end
return "ok"
