-- what: duplicate and odd keys
-- source: RFC 8259, section 4
-- expect: ok
local value = json.decode('{"a":1,"a":2,"__index":3,"":4,"\\u0000":5,"constructor":6}')
assert(value.a == 2 and rawget(value, "__index") == 3 and value[""] == 4)
return "ok"
