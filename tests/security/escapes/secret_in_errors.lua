-- what: no error shows the key
-- source: CWE-209
-- expect: ok
for _, f in ipairs {
  function() error(STRIPE_API_KEY) end,
  function() error("x" .. STRIPE_API_KEY) end,
  function() return STRIPE_API_KEY.x.y end,
  function() STRIPE_API_KEY.x = 1 end,
  function() return STRIPE_API_KEY() end,
  function() return STRIPE_API_KEY + 1 end,
  function() return stripe.products.create { [STRIPE_API_KEY] = 1 } end,
  function() return stripe[STRIPE_API_KEY] end,
  function() return require(STRIPE_API_KEY) end,
  function() return new_product():with { idempotency_key = STRIPE_API_KEY }:create() end,
  function() return new_product():with { headers = { ["X-A"] = STRIPE_API_KEY } }:create() end,
} do
  local ok, err = pcall(f)
  assert(not tostring(err):find("corpus", 1, true))
end
return "ok"
