-- what: the key in JSON
-- source: CWE-200
-- expect: ok
for _, value in ipairs { STRIPE_API_KEY, { STRIPE_API_KEY }, { key = STRIPE_API_KEY } } do
  local ok, text = pcall(json.encode, value)
  assert(not tostring(text):find("corpus", 1, true), tostring(text))
end
return "ok"
