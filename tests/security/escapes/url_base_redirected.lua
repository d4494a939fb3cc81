-- what: moving the API's base URL from the script
-- source: CWE-918
-- expect: ok
pcall(function() stripe.api_base = "http://127.0.0.1:1" end)
pcall(function() stripe.base_url = "http://127.0.0.1:1" end)
STRIPE_API_BASE = "http://127.0.0.1:1"
pcall(function() env.STRIPE_API_BASE = "http://127.0.0.1:1" end)
assert(new_product():name("x"):create())
return "ok"
