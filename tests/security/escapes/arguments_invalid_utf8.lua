-- what: broken UTF-8 in values, keys and ids
-- source: docs/security.md, threat model
-- expect: ok
local bad = "\255\254\192\128\237\160\128"
for _, f in ipairs {
  function() return new_product():name(bad):create() end,
  function() return new_product():name("x"):metadata(bad, bad):create() end,
  function() return stripe.products.retrieve(bad) end,
  function() return stripe.products.create { [bad] = bad } end,
  function() return json.encode(bad) end,
  function() return json.decode('"' .. bad .. '"') end,
  function() return stripe[bad] end,
  function() return os.getenv(bad) end,
  function() return require(bad) end,
} do pcall(f) end
return "ok"
