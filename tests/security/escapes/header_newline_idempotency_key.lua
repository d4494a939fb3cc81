-- what: CR and LF in an idempotency key
-- source: CWE-113
-- expect: ok
assert(not pcall(function() return new_product():name("x"):with { idempotency_key = "a\r\nAuthorization: Bearer x" }:create() end))
assert(not pcall(stripe.products.create, { name = "x" }, { idempotency_key = "a\nb" }))
return "ok"
