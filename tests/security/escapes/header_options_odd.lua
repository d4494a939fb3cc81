-- what: options of wrong types and unknown names
-- source: docs/security.md, threat model
-- expect: ok
for _, options in ipairs { { timeout = -1 }, { timeout = 0 / 0 }, { timeout = "x" }, { retries = -1 }, { retries = 1e9 }, { retries = 1.5 }, { retries = "x" },
  { headers = "x" }, { headers = { 1, 2 } }, { idempotency_key = {} }, { idempotency_key = ("x"):rep(100000) }, { nothing = 1 }, { base_url = "http://evil" } } do
  local ok, err = pcall(stripe.products.create, { name = "x" }, options)
  assert(ok or type(err) == "table", tostring(err))
end
assert(not pcall(stripe.products.create, { name = "x" }, { base_url = "http://evil" }))
return "ok"
