-- what: schemes that are no web addresses
-- source: CWE-918
-- expect: ok
for _, url in ipairs { "file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "data:text/plain,x", "javascript:1", "unix:///run/x", "//evil/", "" } do
  assert(not pcall(function() return http.get(url) end), url)
end
return "ok"
