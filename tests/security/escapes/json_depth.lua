-- what: JSON nested a hundred thousand deep
-- source: CWE-674
-- expect: ok
assert(not pcall(json.decode, ("["):rep(100000) .. ("]"):rep(100000)))
assert(not pcall(json.decode, ('{"a":'):rep(100000) .. "1" .. ("}"):rep(100000)))
assert(not pcall(json.decode, ("["):rep(100000)))
return "ok"
