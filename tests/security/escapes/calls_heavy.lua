-- what: a hundred calls at once, each with the same megabyte, which Lua holds once and the host a hundred times
-- source: own finding
-- expect: ok
-- timeout: 80
local text, refused = ("x"):rep(2 ^ 20), 0
local tasks = {}
for n = 1, 100 do
  tasks[n] = spawn(function()
    local ok, err = pcall(stripe.products.create, { name = "x", description = text })
    if not ok and err.kind == "limit" then
      assert(err.outcome == "not_sent")
      refused = refused + 1
    end
  end)
end
for _, task in ipairs(tasks) do task:wait() end
assert(refused > 50 and refused < 100, refused)
assert(new_product():name("after"):description(text:sub(1, 4500)):create())
return "ok"
