-- what: the key as an id goes into a URL and an error
-- source: CWE-598
-- expect: ok
local ok, err = pcall(stripe.products.retrieve, STRIPE_API_KEY)
assert(not ok and not tostring(err):find("corpus", 1, true))
assert(not inspect(err):find("corpus", 1, true))
return "ok"
