-- what: malformed scripts
-- source: Redis CVE-2022-24736
-- expect: ok
for _, code in ipairs { "return return", "goto x", "::a:: ::a::", "break", "x = = 1", "for", "local function", "\0", "--[[", "'", "..." } do
  local f, message = loadstring(code)
  assert(f ~= nil or type(message) == "string")
end
return "ok"
