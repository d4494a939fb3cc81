-- what: the key by tostring, print and format
-- source: CWE-200
-- expect: ok
for _, text in ipairs { tostring(STRIPE_API_KEY), string.format("%s", STRIPE_API_KEY), inspect(STRIPE_API_KEY), tostring(STRIPE_API_KEY .. "") } do
  assert(not text:find("corpus", 1, true), text)
end
print(STRIPE_API_KEY)
return "ok"
