-- what: the key given to string functions
-- source: CWE-200
-- expect: ok
for name, f in pairs(string) do
  local ok, value = pcall(f, STRIPE_API_KEY, 1, 100)
  assert(not ok or not tostring(value):find("corpus", 1, true), name)
  local ok, value = pcall(f, "%s", STRIPE_API_KEY)
  assert(not ok or not tostring(value):find("corpus", 1, true), name)
end
return "ok"
