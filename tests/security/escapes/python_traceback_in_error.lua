-- what: no Python traceback reaches the script's view of an error
-- source: CWE-209
-- expect: ok
local function sees(f, ...)
  local ok, err = pcall(f, ...)
  local text = tostring(err)
  assert(not text:find("Traceback", 1, true) and not text:find(".py", 1, true), text)
end
sees(stripe.products.retrieve, "prod_none")
sees(stripe.products.retrieve, nil)
sees(stripe.products.retrieve, {})
sees(json.decode, "{")
sees(json.encode, print)
sees(function() return new_nothing() end)
sees(function() return stripe.nothing.create {} end)
return "ok"
