-- what: environment names that were not granted
-- source: CWE-526
-- expect: ok
for _, name in ipairs { "PATH", "HOME", "STRIPE_SECRET_KEY", "USER", "LD_PRELOAD", "" } do
  local ok, value = pcall(os.getenv, name)
  assert(not ok or value == nil, name)
  local ok, value = pcall(function() return env[name] end)
  assert(not ok or value == nil, name)
end
return "ok"
