-- what: a long bracket whose level never closes
-- source: Redis CVE-2025-46819
-- expect: ok
assert(loadstring("return [" .. ("="):rep(100000) .. "[") == nil)
assert(loadstring("return [" .. ("="):rep(100000)) == nil)
return "ok"
