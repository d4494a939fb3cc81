-- what: calls with nothing, with nil, with too much
-- source: docs/security.md, threat model
-- expect: ok
for _, f in ipairs { stripe.products.create, stripe.products.retrieve, stripe.products.update, stripe.products.list, stripe.products.delete } do
  pcall(f)
  pcall(f, nil)
  pcall(f, nil, nil, nil)
  pcall(f, 1, 2, 3, 4, 5, 6, 7)
  pcall(f, {}, {}, {}, {})
  pcall(f, "", {}, {})
end
return "ok"
