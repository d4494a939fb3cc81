-- what: the key sent to the API as a name and read back
-- source: CWE-200
-- expect: ok
local ok, id = pcall(function() return new_product():name(STRIPE_API_KEY):create() end)
if ok then assert(not tostring(stripe.products.retrieve(id).name):find("corpus", 1, true)) end
local ok, id = pcall(function() return new_product():name("x"):metadata("k", "a" .. STRIPE_API_KEY):create() end)
if ok then assert(not inspect(stripe.products.retrieve(id)):find("corpus", 1, true)) end
return "ok"
