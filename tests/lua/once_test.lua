-- once: in a run of no batch, what it does and gives.
describe("once", function()
  it("calls its function a single time, and gives all its values each time", function()
    local calls = 0
    local function value()
      return once(function()
        calls = calls + 1
        return "a", nil, { list = { 1, 2 } }, false
      end)
    end
    for _ = 1, 3 do
      assert.equals(4, select("#", value()))
      local a, b, c, d = value()
      assert.same({ "a", { list = { 1, 2 } }, false }, { a, c, d })
      assert.is_nil(b)
    end
    assert.equals(1, calls)
  end)

  it("gives each caller a value of its own", function()
    local function value() return once("own value", function() return { n = 1 } end) end
    value().n = 2
    assert.equals(1, value().n)
  end)

  it("tells two apart by where their functions stand, or by a name", function()
    local a = once(function() return "a" end)
    local b = once(function() return "b" end)
    assert.same({ "a", "b" }, { a, b })
    assert.equals("c", once("c", function() return "c" end))
    assert.equals("c", once("c", function() return "d" end))
    assert.equals(2, (once("several", function() return select("#", 1, 2) end)))
  end)

  it("refuses two functions of one line, which it could not tell apart", function()
    assert.error_matches(function() return once(function() return 1 end), once(function() return 2 end) end, "apart")
    assert.equals(3, once(function() return #map({ 1, 2, 3 }, function(n) return n end) end))
  end)

  it("makes tasks of one run wait for the one that does it", function()
    local calls, results = 0, {}
    map({ 1, 2, 3 }, function(n)
      results[n] = once("for tasks", function()
        calls = calls + 1
        sleep(0.01)
        return new_product():name("x"):create()
      end)
    end)
    assert.equals(1, calls)
    assert.equals(results[1], results[3])
    assert.called("stripe.products.create").times(1)
  end)

  it("raises the function's own error, and is tried again by the same run", function()
    local calls = 0
    local function attempt()
      return once("fails at first", function()
        calls = calls + 1
        if calls == 1 then error({ kind = "mine", message = "not yet" }) end
        return calls
      end)
    end
    assert.has_error(attempt, { kind = "mine", message = "not yet" })
    assert.equals(2, attempt())
    assert.equals(2, attempt())
  end)

  it("refuses what cannot be told to another run", function()
    for what, value in pairs {
      ["a function"] = function() end,
      ["%[1%]%.x%[1%]: a builder"] = new_product(),
      ["secret"] = STRIPE_API_KEY,
      ["a thread"] = coroutine.create(print),
    } do
      local err = assert.has_error(function() once("not plain " .. what, function() return { x = { value } } end) end)
      assert.matches(what, err.message)
      assert.equals("invalid", err.kind)
    end
  end)

  it("may be within another, which its own is not", function()
    assert.equals("inner outer", once("outer", function()
      return once("inner", function() return "inner" end) .. " outer"
    end))
    local function own() return once("own", function() return own() end) end
    assert.error_matches(own, "calls itself")
  end)

  it("ends with its task when that is cancelled, and may be done by another", function()
    local task = spawn(function() return once("cancelled", function() sleep(100) end) end)
    sleep(0.01)
    local other = spawn(function() return once("cancelled", function() return "done" end) end)
    sleep(0.01)
    task:cancel()
    assert.equals("done", other:wait())
  end)

  it("works where Lua cannot yield", function()
    local order = { 2, 1 }
    table.sort(order, function(a, b)
      once("in a callback", function() sleep(0.001) end)
      return a < b
    end)
    assert.same({ 1, 2 }, order)
  end)

  it("says what it expects", function()
    for _, given in ipairs { {}, { 5 }, { "name" }, { "", print }, { {}, print }, { ("x"):rep(300), print }, { print, 1 } } do
      assert.error_matches(function() once(unpack(given, 1, 2)) end, "once expects")
    end
    assert.error_matches(function() once("a", function() end, 3) end, "once expects")
    assert.error_matches(function() once(stripe.products.list) end, "once expects a function written in the script")
    assert.error_matches(function() once(load("return 1")) end, "give any other a name")
  end)
end)
