-- what: http.* without a grant reaches nothing
-- source: docs/security.md, threat model
-- expect: ok
for _, url in ipairs { "http://127.0.0.1:1/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://0/", "http://2130706433/", "http://localhost/" } do
  local ok, err = pcall(function() return http.get(url) end)
  assert(not ok, url)
end
return "ok"
