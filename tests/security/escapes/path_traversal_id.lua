-- what: an id that climbs out of its path
-- source: CWE-22
-- expect: ok
local id = new_product():name("victim"):create()
for _, odd in ipairs { "../customers", "..", ".", "../../v1/products", id .. "/../" .. id, "%2e%2e%2f", "a/b", "a\\b", "/" } do
  local ok, answer = pcall(stripe.products.retrieve, odd)
  assert(not ok or answer.object == "product", odd)
  assert(not ok or answer.id == id or answer.id == odd, odd)
end
return "ok"
