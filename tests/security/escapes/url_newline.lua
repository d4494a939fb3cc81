-- what: CR and LF in a URL
-- source: CWE-93
-- expect: ok
assert(not pcall(function() return http.get("http://127.0.0.1:1/\r\nX-A: b") end))
assert(not pcall(function() return http.get("http://127.0.0.1:1\r\n/") end))
return "ok"
