-- spawn, wait, cancel, wait_any, parallel, map, sleep, with_timeout.
describe("spawn", function()
  it("runs beside its caller and gives all results to wait()", function()
    local task = spawn(function(a, b) sleep(0) return a + b, nil, "x", nil end, 1, 2)
    assert.equals("running", task:status())
    assert.equals(4, select("#", task:wait()))
    assert.equals(3, (task:wait()))
    assert.equals("done", task:status())
  end)

  it("raises the task's error where it is waited for, every time", function()
    local task = spawn(function() error("boom") end)
    assert.has_error(function() task:wait() end, "boom")
    assert.has_error(function() task:wait() end, "boom")
  end)

  it("wants a function", function()
    assert.error_matches(function() spawn() end, "spawn expects a function, got nothing")
    assert.error_matches(function() spawn(5) end, "got a number")
  end)

  it("takes turns at every wait", function()
    local order = {}
    local function step(name)
      return function()
        order[#order + 1] = name .. 1
        sleep(0)
        order[#order + 1] = name .. 2
      end
    end
    local a, b = spawn(step("a")), spawn(step("b"))
    a:wait() b:wait()
    assert.same({ "a1", "b1", "a2", "b2" }, order)
  end)

  it("refuses a task that waits for itself", function()
    local task
    task = spawn(function() task:wait() end)
    assert.error_matches(function() task:wait() end, "cannot wait for itself")
  end)
end)

describe("map", function()
  it("refuses a table that is no list, and gives functions of Lua's and the host's the item alone", function()
    assert.error_matches(function() map({ a = 1, b = 2 }, tostring) end, "map expects a list, got {a = 1, b = 2}", 1, true)
    assert.equals(0, #map({}, tostring))
    assert.same({ 10, 20 }, map({ "10", "20" }, tonumber))
    assert.same({ "A", "B" }, map({ "a", "b" }, string.upper))
    assert.same({ { 1 } }, map({ "[1]" }, json.decode))
    assert.same({ "a1", "b2" }, map({ "a", "b" }, function(item, index) return item .. index end))
    assert.error_matches(function() map({ "no-address" }, http.get) end, "is not an http")
    assert.error_matches(function() map({ "/nowhere" }, fs.read) end, "reading /nowhere is not granted")
    local none = stripe.products.list { created = { gt = 4000000000 } }
    assert.equals(0, #map(none, tostring))
  end)
end)

describe("cancel", function()
  it("ends a task at its wait, and wait() raises it", function()
    local task = spawn(sleep, 60)
    sleep(0)
    task:cancel()
    assert.has_error(function() task:wait() end, { kind = "cancelled" })
    assert.equals("cancelled", task:status())
  end)

  it("lasts: no later wait of the task succeeds", function()
    local failed = 0
    local task = spawn(function()
      for _ = 1, 5 do
        if not pcall(sleep, 60) then failed = failed + 1 end
      end
    end)
    sleep(0)
    task:cancel()
    task:wait()
    assert.equals(5, failed)
  end)

  it("reaches the tasks of the task", function()
    local inner
    local outer = spawn(function()
      inner = spawn(sleep, 60)
      inner:wait()
    end)
    sleep(0)
    outer:cancel()
    pcall(outer.wait, outer)
    assert.has_error(function() inner:wait() end, { kind = "cancelled" })
  end)

  it("of a task that has ended does nothing", function()
    local task = spawn(function() return 1 end)
    task:wait()
    task:cancel()
    assert.equals(1, task:wait())
  end)
end)

describe("wait_any", function()
  it("gives the task that ends first, and its place", function()
    local slow, fast = spawn(sleep, 60), spawn(function() sleep(0) return "fast" end)
    local task, place = wait_any(slow, fast)
    assert.is_true(rawequal(fast, task))
    assert.equals(2, place)
    assert.equals("fast", task:wait())
    slow:cancel()
  end)

  it("takes a list, gives one that has ended already, and wants tasks", function()
    local done = spawn(function() return 1 end)
    done:wait()
    assert.equals(1, select(2, wait_any { done }))
    assert.error_matches(function() wait_any() end, "at least one task")
    assert.error_matches(function() wait_any(5) end, "expects a task")
  end)
end)

describe("parallel", function()
  it("gives each first result, in the order of the functions", function()
    local a, b, c = parallel(
      function() sleep(0.002) return 1, "more" end,
      function() return nil end,
      function() return 3 end)
    assert.equals(1, a)
    assert.is_nil(b)
    assert.equals(3, c)
    assert.equals(0, select("#", parallel()))
  end)

  it("raises the first error and cancels the rest", function()
    local outlived = false
    local err = assert.has_error(function()
      parallel(function() sleep(60) outlived = true end, function() error({ kind = "mine", message = "no" }) end)
    end)
    assert.equals("mine", err.kind)
    assert.is_false(outlived)
  end)
end)

describe("map", function()
  it("gives results in the order of the list, n its length", function()
    local out = map({ 3, 1, 2 }, function(x, i) sleep(x / 1000) return x * 10 + i end, { limit = 2 })
    assert.same({ 31, 12, 23, n = 3 }, out)
  end)

  it("leaves a hole for nil", function()
    local out = map({ 1, 2, 3 }, function(x) if x ~= 2 then return x end end)
    assert.is_nil(out[2])
    assert.equals(3, out[3])
    assert.equals(3, out.n)
  end)

  it("gives a list, also where it is encoded", function()
    local function odd(x) if x % 2 == 1 then return x end end
    assert.equals("[]", json.encode(map({}, odd)))
    assert.equals("[null,null]", json.encode(map({ 2, 4 }, odd)))
    assert.equals("[1,null,3]", json.encode(map({ 1, 2, 3 }, odd)))
    assert.equals("[null,null,null,7]", json.encode(map({ 2, 4, 6, 7 }, odd)))
    assert.equals('{"ids":[1,2]}', json.encode { ids = map({ 1, 2 }, function(x) return x end) })
    local grown = map({ 1, 2 }, function(x) return x end)
    grown[3] = 3
    assert.equals(3, grown.n)
    assert.equals("[1,2,3]", json.encode(grown))
    assert.equals(0, map({}, odd).n)
  end)

  it("is refused like other tables where something beside its items was put in", function()
    local function odd(x) if x % 2 == 1 then return x end end
    local named, behind = map({ 1, 2, 3 }, odd), map({ 1, 2, 3 }, odd)
    named.total, behind[9] = 4, 5
    assert.has_error(function() json.encode(named) end)
    assert.has_error(function() json.encode(behind) end)
  end)

  it("runs no more at once than its limit", function()
    local open, most, list = 0, 0, {}
    for i = 1, 20 do list[i] = i end
    map(list, function()
      open = open + 1
      most = math.max(most, open)
      sleep(0)
      open = open - 1
    end, { limit = 4 })
    assert.equals(4, most)
  end)

  it("raises the first error, with its line", function()
    local err = assert.has_error(function()
      map({ 1, 2 }, function(x)
        if x == 2 then error("two") end
        sleep(60)
      end)
    end)
    assert.matches("tasks_test.lua:%d+: two", err)
  end)

  it("refuses options that do not exist", function()
    assert.error_matches(function() map({ 1 }, print, { limt = 2 }) end, 'no option "limt"')
    assert.error_matches(function() map({ 1 }, print, { limit = 0 }) end, "whole number from 1")
    assert.error_matches(function() map(5, print) end, "map expects a list")
  end)

  it("makes many calls at once", function()
    local list = {}
    for i = 1, 200 do list[i] = i end
    local ids = map(list, function(i) return new_product():name("p" .. i):create() end)
    local seen, n = {}, 0
    for _, id in ipairs(ids) do
      if not seen[id] then seen[id], n = true, n + 1 end
    end
    assert.equals(200, n)
  end)
end)

describe("with_timeout", function()
  it("gives the function's results when it is in time", function()
    assert.equals(3, select("#", with_timeout(60, function(...) return ... end, 1, nil, 3)))
  end)

  it("raises timeout at the line that asked for it", function()
    local err = assert.has_error(function() with_timeout(0.001, sleep, 60) end, { kind = "timeout" })
    assert.matches("tasks_test.lua$", err.script)
  end)

  it("raises the function's own error", function()
    assert.has_error(function() with_timeout(60, function() error("inner") end) end, "inner")
  end)

  it("may be nested: the shorter one counts", function()
    assert.has_error(function() with_timeout(60, with_timeout, 0.001, sleep, 60) end, { kind = "timeout" })
    assert.has_error(function() with_timeout(0.001, with_timeout, 60, sleep, 60) end, { kind = "timeout" })
  end)

  it("and sleep want seconds", function()
    for _, wrong in ipairs { -1, "x", 0 / 0, 1e12 } do
      assert.error_matches(function() sleep(wrong) end, "expects seconds")
      assert.error_matches(function() with_timeout(wrong, print) end, "expects seconds")
    end
  end)
end)

describe("tasks that wait for each other", function()
  -- Under the test runner somebody always waits for the host, so here with a timeout; the deadlock itself is
  -- told in tests/run.
  it("end with the timeout around them", function()
    assert.has_error(function()
      with_timeout(0.005, function()
        local a, b
        a = spawn(function() sleep(0) b:wait() end)
        b = spawn(function() sleep(0) a:wait() end)
        a:wait()
      end)
    end, { kind = "timeout" })
  end)
end)
