-- what: lone surrogates and broken escapes
-- source: RFC 8259, section 8.2
-- expect: ok
for _, text in ipairs { '"\\ud800"', '"\\udc00\\ud800"', '"\\u12"', '"\\x41"', '"\\', '"\n"', '"\0"', "'a'", "{a:1}", "[1,]", "nul", "" } do
  pcall(json.decode, text)
end
return "ok"
