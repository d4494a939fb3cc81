-- what: numbers JSON has no words for
-- source: RFC 8259, section 6
-- expect: ok
for _, value in ipairs { 0 / 0, 1 / 0, -1 / 0 } do assert(not pcall(json.encode, { value })) end
for _, text in ipairs { "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "01", "1.", ".5", "+1", "0x10", "1e", ("9"):rep(100000) } do
  local ok, value = pcall(json.decode, text)
  assert(not ok or (type(value) == "number" and value == value) or type(value) == "string", text:sub(1, 20))
end
return "ok"
