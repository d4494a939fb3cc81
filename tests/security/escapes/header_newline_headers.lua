-- what: CR, LF and zero bytes in headers
-- source: CWE-113
-- expect: ok
for _, headers in ipairs { { ["X-A"] = "b\r\nX-C: d" }, { ["X-A\r\nX-B"] = "c" }, { ["X A"] = "b" }, { [""] = "b" }, { ["X-A"] = "b\0c" }, { ["X-A:"] = "b" } } do
  assert(not pcall(stripe.products.create, { name = "x" }, { headers = headers }))
end
return "ok"
