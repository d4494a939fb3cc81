-- what: format strings of Python and C in values
-- source: CWE-134
-- expect: ok
local odd = "{0.__class__.__mro__} %(x)s %s %n ${x} {settings.stripe_secret_key} {self}"
local id = new_product():name(odd):create()
assert(stripe.products.retrieve(id).name == odd)
return "ok"
