-- what: cdata numbers given to the host where it expects plain values
-- source: LuaJIT, FFI 64-bit literals
-- expect: ok
local f = loadstring("return 0xffffffffffffffffULL, 1i")
if f then
  local a, b = f()
  for _, value in ipairs { a, b } do
    pcall(json.encode, value)
    pcall(json.encode, { value })
    pcall(inspect, value)
    pcall(sleep, value)
    pcall(stripe.products.list, { limit = value })
    pcall(string.rep, "x", value)
    pcall(string.format, "%d", value)
    pcall(os.exit, value)
  end
end
return "ok"
