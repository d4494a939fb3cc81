-- stripe.<resource>.<operation>(…), pages, and what failed calls tell.
describe("a namespace", function()
  it("reaches every operation by its name", function()
    local product = stripe.products.create { name = "x" }
    assert.equals("x", stripe.products.retrieve(product.id).name)
    assert.equals("y", stripe.products.update(product.id, { name = "y" }).name)
    assert.is_true(stripe.products.delete(product.id).deleted)
    assert.has_error(function() stripe.products.retrieve(product.id) end, { kind = "api", status = 404 })
  end)

  it("reaches nested resources", function()
    local price = new_price():product(new_product():name("x"):create()):currency("usd"):amount(500):create()
    local session = stripe.checkout.sessions.create {
      mode = "payment", success_url = "https://example.com", line_items = { { price = price, quantity = 1 } },
    }
    assert.matches("^cs_", session.id)
  end)

  it("shows its path and cannot be called or changed", function()
    assert.equals("stripe.products", tostring(stripe.products))
    assert.error_matches(function() stripe.products() end, "group of operations")
    assert.error_matches(function() stripe.products.create = 1 end, "cannot be assigned to")
  end)

  it("knows the nearest name", function()
    assert.error_matches(function() return stripe.prodcuts.list() end, 'did you mean "products"')
    assert.error_matches(function() return stripe.products.creat {} end, 'did you mean "create"')
    assert.error_matches(function() stripe.products.create { nam = "x" } end, 'did you mean "name"')
  end)

  it("checks path arguments before anything is sent", function()
    assert.error_matches(function() stripe.products.retrieve() end, "expected id first, got nothing")
    assert.error_matches(function() stripe.products.retrieve("") end, "cannot be part of a path")
    assert.error_matches(function() stripe.products.retrieve("a", {}, {}, 4) end, "1 argument too many")
  end)

  it("has the builders too", function()
    assert.matches("^prod_", stripe.new_product():name("x"):create())
  end)

  it("takes request options last", function()
    local first = stripe.products.create({ name = "x" }, { idempotency_key = "ns-1" })
    assert.equals(first.id, stripe.products.create({ name = "x" }, { idempotency_key = "ns-1" }).id)
  end)

  it("gives answers that print readably", function()
    assert.matches('object = "product"', tostring(stripe.products.create { name = "x" }))
  end)
end)

describe("a list", function()
  local ids = {}
  setup(function()
    for i = 1, 105 do ids[i] = new_customer():name("c" .. i):create() end
  end)

  it("goes on over all pages, each object once, newest first", function()
    local seen, n = {}, 0
    for customer in stripe.customers.list { limit = 20 }:each() do
      n = n + 1
      assert.is_nil(seen[customer.id])
      seen[customer.id] = true
      if n == 1 then assert.equals(ids[105], customer.id) end
    end
    assert.equals(105, n)
    assert.called("stripe.customers.list").times(6)
  end)

  it("fetches the next page before a page's last item, which may be deleted then, and not sooner", function()
    local n = 0
    for _ in stripe.customers.list { limit = 10 }:each() do
      n = n + 1
      assert.called("stripe.customers.list").times(n < 10 and 1 or 2)
      if n == 10 then break end
    end
  end)

  it("survives that its items are deleted on the way", function()
    local email = "leaving@example.com"
    for i = 1, 5 do new_customer():name("p" .. i):email(email):create() end
    local n = 0
    for customer in stripe.customers.list { email = email, limit = 2 }:each() do
      stripe.customers.delete(customer.id)
      n = n + 1
    end
    assert.equals(5, n)
    assert.equals(0, #stripe.customers.list { email = email })
  end)

  it("refuses as a cursor what is not in it any more", function()
    local gone = new_product():name("x"):create()
    stripe.products.delete(gone)
    assert.has_error(function() stripe.products.list { starting_after = gone } end,
      { status = 400, code = "resource_missing", param = "starting_after" })
  end)

  it("is a page with data and has_more", function()
    local page = stripe.customers.list { limit = 2 }
    assert.equals(2, #page.data)
    assert.is_true(page.has_more)
    assert.is_false(stripe.customers.list({ limit = 100, starting_after = page.data[2].id }).data[1].id == page.data[2].id)
  end)

  it("goes backwards from ending_before", function()
    local last
    for customer in stripe.customers.list { limit = 10, ending_before = ids[1] }:each() do last = customer.id end
    assert.equals(ids[105], last)
  end)

  it("of a search goes on too", function()
    local n = 0
    for _ in stripe.customers.search { query = "name:'c7'" }:each() do n = n + 1 end
    assert.equals(1, n)
  end)

  it("inside an object has each() too", function()
    local price = new_price():product(new_product():name("x"):create()):currency("usd"):amount(1):recurring("month"):create()
    local subscription = new_subscription():customer(ids[1]):add_price(price):trial_days(1)
    subscription:create()
    local n = 0
    for item in subscription.data.items:each() do
      n = n + 1
      assert.equals(price, item.price.id)
    end
    assert.equals(1, n)
  end)
end)
