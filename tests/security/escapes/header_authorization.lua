-- what: the script's own Authorization, Host and framing headers
-- source: CWE-441
-- expect: ok
for _, name in ipairs { "Authorization", "authorization", "Host", "Content-Length", "Transfer-Encoding", "Connection", "Cookie", "Proxy-Authorization" } do
  pcall(stripe.products.create, { name = "x" }, { headers = { [name] = "evil" } })
end
assert(new_product():name("after"):create())
return "ok"
