-- what: an empty id would address the list
-- source: stripe-python, "could not determine which URL to request"
-- expect: ok
for _, odd in ipairs { "", " ", "\t", "\n" } do
  assert(not pcall(stripe.products.retrieve, odd))
  assert(not pcall(stripe.products.delete, odd))
end
return "ok"
