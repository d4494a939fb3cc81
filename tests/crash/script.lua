-- Thirty changes, alone and together. What each worker takes depends on the order in which answers came, so a
-- replay in another order would make other calls.
local made = {}
local function create(n, by)
  local id = new_product():name("object " .. n):metadata { by = by, at = tostring(os.time()), dice = math.random(6) }:create()
  made[n] = id
  print(n, id)
  return id
end

for n = 1, 6 do create(n, "main") end

map({ 7, 8, 9, 10, 11, 12 }, function(n) create(n, "map") end, { limit = 3 })

local queue = { 13, 14, 15, 16, 17, 18, 19, 20 }
local function worker(name)
  return function()
    while #queue > 0 do
      create(table.remove(queue, 1), name)
      if #queue % 3 == 0 then sleep(0.002) end
    end
  end
end
parallel(worker "a", worker "b", worker "c")

local first = spawn(create, 21, "task")
local second = spawn(create, 22, "task")
local winner, place = wait_any(first, second)
create(23, "after " .. place)
first:wait()
second:wait()

local seen = {}
for key in pairs { x = 1, y = 2, z = 3, w = 4 } do seen[#seen + 1] = key end
create(24, json.encode { order = table.concat(seen), winner = winner == made[21] })

pcall(with_timeout, 0.003, function() sleep(1) end)
local ok = pcall(function() new_price():product("prod_none"):currency("usd"):amount(1):create() end)
create(25, tostring(ok))
parallel(function() create(26, "p") end, function() create(27, "p") end, function() create(28, "p") end)
for n = 29, 30 do create(n, "end") end
return made
