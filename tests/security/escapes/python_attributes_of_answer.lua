-- what: an answer is a plain table of plain values
-- source: docs/security.md, threat model
-- expect: ok
local id = new_product():name("x"):create()
local answer = stripe.products.retrieve(id)
assert(type(answer) == "table")
local function walk(t, depth)
  assert(depth < 20)
  for k, v in next, t do
    local kind = type(v)
    assert(kind == "string" or kind == "number" or kind == "boolean" or kind == "table" or k == "each", tostring(k) .. kind)
    if kind == "table" then walk(v, depth + 1) end
  end
end
walk(answer, 1)
assert(answer.__class__ == nil)
return "ok"
