-- what: zero bytes and broken UTF-8 in output
-- source: CWE-150
-- expect: ok
print("\0\255\254\27[31m")
io.write("\0", 1, "\255\n")
return "ok"
