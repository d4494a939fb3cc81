-- what: CR and LF in an id
-- source: CWE-93
-- expect: ok
assert(not pcall(stripe.products.retrieve, "x HTTP/1.1\r\nHost: evil\r\n\r\nGET /"))
assert(not pcall(stripe.products.delete, "x\r\nX-A: b"))
return "ok"
