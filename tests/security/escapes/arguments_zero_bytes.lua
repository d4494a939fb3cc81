-- what: zero bytes in ids, names and environment names
-- source: CWE-158
-- expect: ok
for _, f in ipairs {
  function() return stripe.products.retrieve("prod_1\0/../customers") end,
  function() return new_product():name("a\0b"):create() end,
  function() return os.getenv("PATH\0X") end,
  function() return require("a\0b") end,
  function() return env["HOME\0"] end,
} do pcall(f) end
return "ok"
