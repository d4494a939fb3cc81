-- what: rewriting what the host's own Lua code uses
-- source: lua-users wiki, SandBoxes
-- expect: ok
type, pairs, next, error, tostring, pcall, select = nil, nil, nil, nil, nil, nil, nil
string.find, string.format, string.sub, table.concat, table.insert, table.sort = nil, nil, nil, nil, nil, nil
setmetatable, rawget, rawset = nil, nil, nil
local id = new_product():name("still"):metadata("a", "b"):create()
assert(stripe.products.retrieve(id).name == "still")
return "ok"
