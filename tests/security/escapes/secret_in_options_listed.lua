-- what: the key found by walking everything a script can reach
-- source: CWE-200
-- expect: ok
local seen, found = {}, nil
local function walk(value, depth)
  if type(value) == "string" and value:find("corpus_0123", 1, true) then found = value end
  if type(value) ~= "table" or seen[value] or depth > 8 then return end
  seen[value] = true
  for k, v in next, value do walk(k, depth + 1) walk(v, depth + 1) end
end
new_product():name("x"):create()
walk(_G, 1)
walk({ pcall(stripe.products.retrieve, "prod_none") }, 1)
walk(args, 1)
assert(not found)
return "ok"
