-- what: URLs that parsers read differently
-- source: Orange Tsai, "A New Era of SSRF"
-- expect: ok
for _, url in ipairs { "https://api.stripe.com@evil/", "https://evil\\@api.stripe.com/", "https://api.stripe.com#@evil/", "http://127.0.0.1:80:80/",
  "https://api.stripe.com.evil/", "https://api.stripe.com%2f@evil/", "http://[::ffff:127.0.0.1]/", "http://127.1/", "http://0x7f000001/", "http://\225\132\132.com/" } do
  assert(not pcall(function() return http.get(url) end), url)
end
return "ok"
