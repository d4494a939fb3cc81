-- what: guessing the key by comparison
-- source: CWE-208
-- expect: ok
assert(not (STRIPE_API_KEY == "sk_test_escape_corpus_0123456789"))
assert(not pcall(function() return STRIPE_API_KEY < "sk_test_f" end))
assert(not pcall(function() return #STRIPE_API_KEY end))
local t = { [STRIPE_API_KEY] = 1 }
assert(t["sk_test_escape_corpus_0123456789"] == nil)
return "ok"
