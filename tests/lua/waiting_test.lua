-- Calls wait wherever Lua code can stand: coroutines, iterators, metamethods, callbacks of C functions.
local function create(name) return new_product():name(name):create() end

describe("a call waits", function()
  it("inside the script's own coroutines, which keep their own yields", function()
    local names = {}
    local co = coroutine.wrap(function()
      for i = 1, 3 do
        local id = create("p" .. i)
        coroutine.yield(i, id)
      end
      return "end"
    end)
    for i = 1, 3 do
      local n, id = co()
      assert.equals(i, n)
      assert.matches("^prod_", id)
      names[i] = id
    end
    assert.equals("end", co())
  end)

  it("inside coroutines in coroutines", function()
    local outer = coroutine.wrap(function()
      local inner = coroutine.wrap(function()
        coroutine.yield(create("a"))
        return create("b")
      end)
      coroutine.yield(inner())
      return inner()
    end)
    assert.matches("^prod_", outer())
    assert.matches("^prod_", outer())
  end)

  it("in callbacks of table.sort and gsub", function()
    local list = { 3, 1, 2 }
    table.sort(list, function(a, b) sleep(0) return a < b end)
    assert.same({ 1, 2, 3 }, list)
    assert.equals("prod_ prod_", (("a b"):gsub("%w", function(name) return create(name):sub(1, 5) end)))
  end)

  it("in a coroutine inside table.sort", function()
    local list = { 3, 1, 2 }
    table.sort(list, function(a, b) return coroutine.wrap(function() sleep(0) return a < b end)() end)
    assert.same({ 1, 2, 3 }, list)
  end)

  it("in metamethods", function()
    local odd = setmetatable({}, {
      __index = function(_, key) return create(key):sub(1, 4) .. key end,
      __add = function() sleep(0) return 7 end,
      __call = function(_, x) sleep(0) return x end,
      __tostring = function() sleep(0) return "text" end,
      __concat = function() sleep(0) return "joined" end,
      __lt = function() sleep(0) return true end,
    })
    assert.equals("prodx", odd.x)
    assert.equals(7, odd + 1)
    assert.equals(5, odd(5))
    assert.equals("text", tostring(odd))
    assert.equals("joined", odd .. "x")
    assert.is_true(odd < odd)
  end)

  it("in iterators and pcall", function()
    local n = 0
    for _ in function() n = n + 1 sleep(0) if n < 4 then return n end end do end
    assert.equals(4, n)
    assert.same({ true, "in" }, { pcall(function() sleep(0) return "in" end) })
  end)
end)

describe("while a call waits in a callback", function()
  it("the run's other tasks go on", function()
    local steps = 0
    spawn(function() for _ = 1, 5 do sleep(0) steps = steps + 1 end end)
    table.sort({ 2, 1 }, function(a, b) sleep(0.02) return a < b end)
    assert.equals(5, steps)
  end)

  it("tasks, parallel, map and timeouts work in the callback", function()
    local list = { 3, 1, 2 }
    table.sort(list, function(a, b)
      local x, y = parallel(function() sleep(0) return a end, function() return b end)
      local both = map({ x, y }, function(v) sleep(0) return v end)
      return spawn(function() sleep(0) return both[1] < both[2] end):wait()
    end)
    assert.same({ 1, 2, 3 }, list)
    assert.has_error(function()
      table.sort({ 2, 1 }, function() with_timeout(0.001, sleep, 60) end)
    end, { kind = "timeout" })
  end)

  it("many tasks may wait so at once", function()
    local list = {}
    for i = 1, 60 do list[i] = i end
    local out = map(list, function(i)
      local inner = { 2, 1 }
      table.sort(inner, function(a, b) sleep(0.001) return a < b end)
      return inner[1] * i
    end, { limit = 60 })
    assert.equals(60, out[60])
  end)
end)

describe("the coroutine library", function()
  it("passes values in and out across a wait", function()
    local co = coroutine.create(function(a)
      local b = coroutine.yield(a + 1)
      sleep(0)
      return b
    end)
    assert.same({ true, 2 }, { coroutine.resume(co, 1) })
    assert.equals("suspended", coroutine.status(co))
    assert.same({ true, "b" }, { coroutine.resume(co, "b") })
    assert.equals("dead", coroutine.status(co))
    assert.same({ false, "cannot resume dead coroutine" }, { coroutine.resume(co) })
  end)

  it("knows which coroutine runs, and none in the main chunk", function()
    assert.is_nil(coroutine.running())
    assert.is_false(coroutine.isyieldable())
    local co
    co = coroutine.create(function() return coroutine.running() == co, coroutine.status(co), coroutine.isyieldable() end)
    assert.same({ true, true, "running", true }, { coroutine.resume(co) })
  end)

  it("refuses a yield outside a coroutine", function()
    assert.has_error(function() coroutine.yield(1) end, "attempt to yield from outside a coroutine")
  end)

  it("lets a callback of table.sort or gsub yield", function()
    local sorting = coroutine.wrap(function()
      local list = { 2, 1 }
      table.sort(list, function(a, b) coroutine.yield("sorting") return a < b end)
      return list[1]
    end)
    local step
    repeat step = sorting() until step ~= "sorting"
    assert.equals(1, step)
    local replacing = coroutine.wrap(function() return (("ab"):gsub(".", function(c) return coroutine.yield(c) end)) end)
    assert.equals("a", replacing())
    assert.equals("b", replacing("x"))
    assert.equals("xy", replacing("y"))
  end)

  it("passes errors through wrap", function()
    assert.has_error(coroutine.wrap(function() error("inside") end), "inside")
    assert.has_error(coroutine.wrap(function() error({ kind = "own" }) end), { kind = "own" })
  end)

  it("does not resume a coroutine that waits for a call of another task", function()
    local co = coroutine.create(function() sleep(0.002) return "done" end)
    local task = spawn(function() return select(2, coroutine.resume(co)) end)
    sleep(0)
    assert.equals("normal", coroutine.status(co))
    assert.same({ false, "cannot resume non-suspended coroutine" }, { coroutine.resume(co) })
    assert.equals("done", task:wait())
  end)
end)
