-- Numbers, JSON, inspect: how values cross and how they read.
describe("numbers", function()
  it("are sent in their shortest exact form", function()
    local customer = new_customer():name("x"):metadata {
      whole = 2 ^ 53, tenth = 0.1, big = 1e15, small = 1e-7, negative = -5, half = 2.5,
    }
    customer:create()
    assert.same({
      whole = "9007199254740992", tenth = "0.1", big = "1000000000000000", small = "0.0000001", negative = "-5", half = "2.5",
    }, customer.data.metadata)
  end)

  it("beyond 2^53, not-a-number and infinity are refused", function()
    assert.error_matches(function() new_price():unit_amount(2 ^ 53 + 2) end, "beyond 2%^53")
    assert.error_matches(function() new_price():unit_amount(0 / 0) end, "nan is not a number")
    assert.error_matches(function() json.encode(1 / 0) end, "inf is not a number")
  end)

  it("of an answer beyond 2^53 come as text", function()
    assert.equals("12345678901234567890", json.decode('{"n": 12345678901234567890}').n)
    assert.equals(9007199254740992, json.decode("9007199254740992"))
  end)
end)

describe("json", function()
  it("encodes what Lua has", function()
    assert.equals('{"a":1}', json.encode { a = 1 })
    assert.equals("[1,2,3]", json.encode { 1, 2, 3 })
    assert.equals('"é\\n"', json.encode("é\n"))
    assert.equals("[1.5,true,null]", json.encode { 1.5, true, json.null })
  end)

  it("keeps empty lists and empty maps apart, both ways", function()
    assert.equals("{}", json.encode {})
    assert.equals("[]", json.encode(json.array {}))
    assert.equals("[]", json.encode(json.array(json.array {})))
    assert.equals("[]", json.encode(json.decode("[]")))
    assert.equals("{}", json.encode(json.decode("{}")))
  end)

  it("decodes null to nil", function()
    local value = json.decode('{"a": [1, {"b": null}], "f": 1.25}')
    assert.is_nil(value.a[2].b)
    assert.equals(1.25, value.f)
  end)

  it("refuses what is not JSON, either way", function()
    assert.error_matches(function() json.decode("{bad") end, "json.decode: JSON is malformed")
    assert.error_matches(function() json.decode(nil) end, "expects a string, got nothing")
    assert.error_matches(function() json.encode(print) end, "a function cannot be sent")
    assert.error_matches(function() json.encode { 1, a = 2 } end, "neither a list nor a map")
    local cycle = {}
    cycle.cycle = cycle
    assert.error_matches(function() json.encode(cycle) end, "contains itself")
  end)
end)

describe("inspect", function()
  it("shows any value, keys sorted", function()
    assert.equals('{ 1, 2, [true] = 1, [5] = 6, a = { b = "x\\ny" } }', inspect { 1, 2, a = { b = "x\ny" }, [5] = 6, [true] = 1 })
    assert.equals("nil", inspect(nil))
    assert.equals("<function>", inspect(print))
    local cycle = {}
    cycle.t = cycle
    assert.equals("{ t = <cycle> }", inspect(cycle))
  end)
end)

describe("the API key", function()
  it("can be passed on but not read", function()
    assert.equals("[secret]", tostring(STRIPE_API_KEY))
    assert.equals("Bearer [secret]", tostring("Bearer " .. STRIPE_API_KEY))
    assert.is_userdata(STRIPE_API_KEY)
  end)
end)
