-- what: CR and LF in the account and version options
-- source: CWE-113
-- expect: ok
for _, option in ipairs { "account", "api_version" } do
  assert(not pcall(stripe.products.create, { name = "x" }, { [option] = "acct_1\r\nX-Evil: 1" }), option)
end
return "ok"
