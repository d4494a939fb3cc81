-- Builders: how parameters are given, when they are checked, what create() does.
describe("a builder", function()
  it("is userdata whose methods return itself", function()
    local product = new_product()
    assert.is_userdata(product)
    assert.is_true(rawequal(product, product:name("x")))
  end)

  it("creates, and then has id and data", function()
    local product = new_product():name("License"):description("Software")
    local id = product:create()
    assert.matches("^prod_", id)
    assert.equals(id, product.id)
    assert.equals("License", product.data.name)
    assert.called("stripe.products.create").times(1).with { name = "License", description = "Software" }
  end)

  it("takes metadata by key and value and as a table, in text", function()
    local product = new_product():name("x"):metadata("a", 1):metadata { b = true, c = "x" }
    product:create()
    assert.same({ a = "1", b = "true", c = "x" }, product.data.metadata)
  end)

  it("names the parameter of what cannot be sent, however it is given", function()
    for path, give in pairs {
      ["product: images: a table"] = function(b) b:images { "a", nil, "c" } end,
      ["product: metadata.n: 11529"] = function(b) b:metadata("n", 2 ^ 60) end,
      ["product: metadata.m: 11529"] = function(b) b:metadata { m = 2 ^ 60 } end,
      ["product: package_dimensions.height: nan"] = function(b) b:package_dimensions { height = 0 / 0 } end,
      ["product: marketing_features[2].name: a thread"] = function(b)
        b:marketing_features { { name = "x" }, { name = coroutine.create(print) } }
      end,
      ["stripe.products.create: argument 1.metadata.n: a function"] = function()
        stripe.products.create { name = "x", metadata = { n = print } }
      end,
      ["stripe.products.update: argument 2: a function"] = function() stripe.products.update("x", print) end,
    } do
      local ok, err = pcall(give, new_product())
      assert.is_false(ok)
      assert.equals("invalid", err.kind)
      assert.equals(path, err.message:sub(1, #path))
    end
  end)

  it("keeps the keys of a large map apart, each once, and its copy's from its own", function()
    local map = {}
    for i = 1, 200 do map["k" .. i] = "v" .. i end
    local product = new_product():metadata(map):metadata("k7", "seven"):metadata("new", "x")
    local copied = product:copy():metadata("k7", "other"):metadata("only", "y")
    local function shown(b, key) return select(2, tostring(b):gsub("%f[%w]" .. key .. " = ", "")), tostring(b):match(key .. ' = "(%w+)"') end
    assert.same({ 1, "seven" }, { shown(product, "k7") })
    assert.same({ 1, "x" }, { shown(product, "new") })
    assert.same({ 0 }, { shown(product, "only") })
    assert.same({ 1, "other" }, { shown(copied, "k7") })
    assert.same({ 1, "v200" }, { shown(copied, "k200") })
    assert.same({ 1, "y" }, { shown(copied, "only") })
  end)

  it("takes a list whole, as one value, and one by one", function()
    local whole = new_product():name("x"):images { "https://a", "https://b" }
    local single = new_product():name("x"):images("https://a")
    local added = new_product():name("x"):images { "https://a" }:add_image("https://b")
    for _, product in ipairs { whole, single, added } do product:create() end
    assert.same({ "https://a", "https://b" }, whole.data.images)
    assert.same({ "https://a" }, single.data.images)
    assert.same({ "https://a", "https://b" }, added.data.images)
  end)

  it("takes names computed at run time", function()
    local product = new_product():set("name", "n"):params { description = "d", metadata = { k = "v" } }
    product:create()
    assert.equals("d", product.data.description)
    assert.equals("v", product.data.metadata.k)
  end)

  it("has the parameter id as a method until it is created", function()
    local product = new_product():name("x"):id("prod_mine")
    assert.equals("prod_mine", product:create())
    assert.equals("prod_mine", product.id)
  end)

  it("keeps what it was given, whatever happens to the table later", function()
    local metadata = { k = "first" }
    local product = new_product():name("x"):metadata(metadata)
    metadata.k = "second"
    product:create()
    assert.equals("first", product.data.metadata.k)
  end)

  it("creates once", function()
    local product = new_product():name("x")
    product:create()
    assert.error_matches(function() product:create() end, "was created already")
    assert.error_matches(function() product:name("y") end, "was created already")
    assert.called("stripe.products.create").times(1)
  end)

  it("gives a fresh one by copy()", function()
    local product = new_product():name("x"):metadata("k", "v")
    local id = product:create()
    local copy = product:copy()
    assert.not_equals(id, copy:create())
    assert.equals("v", copy.data.metadata.k)
  end)

  it("may be tried again after a failure", function()
    local product = new_product():name("x"):add_image("https://a"):id("prod_taken")
    new_product():name("first"):id("prod_taken"):create()
    local first = assert.has_error(function() product:create() end, { kind = "api", outcome = "rejected" })
    product:id("prod_free")
    assert.equals("prod_free", product:create())
    assert.truthy(first.idempotency_key)
  end)

  it("shows resource, id and parameters as text", function()
    local product = new_product():name("x"):active(true)
    assert.equals('product { active = true, name = "x" }', tostring(product))
    local id = product:create()
    assert.matches("^product " .. id, tostring(product))
  end)

  it("cannot be assigned to, nor called with a dot", function()
    local product = new_product()
    assert.error_matches(function() product.name = "x" end, "cannot be assigned to")
    assert.error_matches(function() product.name("x") end, "with a colon, not a dot")
    assert.error_matches(function() new_product("x") end, "takes no arguments")
  end)

  it("refuses another builder as a value, naming its id", function()
    assert.error_matches(function() new_price():product(new_product()) end, "pass its id")
  end)
end)

describe("Stripe's sugar", function()
  it("says amounts, intervals, trials and coupons shortly", function()
    local product = new_product():name("Plan"):create()
    local price = new_price():product(product):currency("usd"):amount(2999):recurring("month")
    price:create()
    assert.equals(2999, price.data.unit_amount)
    assert.equals("month", price.data.recurring.interval)

    local coupon = new_coupon():percent_off(10):duration("once"):create()
    local customer = new_customer():email("a@example.com"):create()
    local subscription = new_subscription():customer(customer):add_price(price.id, 2):trial_days(14):coupon(coupon)
    subscription:create()
    assert.equals("trialing", subscription.data.status)
    assert.equals(2, subscription.data.items.data[1].quantity)
    assert.called("stripe.subscriptions.create").with {
      trial_period_days = 14, items = { { price = price.id, quantity = 2 } }, discounts = { { coupon = coupon } },
    }
  end)
end)

describe("a wrong parameter", function()
  local function says(pattern, fn)
    local err = assert.error_matches(fn, pattern)
    assert.equals("invalid", err.kind)
  end

  it("is found when its method is called, with the nearest name", function()
    says('product has no parameter "nmae"; did you mean "name"%?', function() new_product():nmae("x") end)
    says('recurring%.intervl: .*did you mean "interval"', function() new_price():recurring { intervl = "month" } end)
    assert.not_called("stripe.products.create")
  end)

  it("is found by its type", function()
    says("unit_amount: expected an integer, got \"abc\"", function() new_price():unit_amount("abc") end)
    says("active: expected", function() new_product():active("maybe") end)
    says("name: expected a string, got an empty table", function() new_product():name {} end)
    says("a function cannot be sent", function() new_product():name(print) end)
    says("needs a value", function() new_product():name(nil) end)
  end)

  it("that is a price in major units is told so", function()
    says("minor units such as cents %(29.99 usd is 2999%)", function() new_price():amount(29.99) end)
    says("jpy has no decimals.*rounds it to 501", function() new_price():currency("jpy"):amount(500.5) end)
  end)

  it("is told at the script's line", function()
    local err = assert.has_error(function()
      new_product()
        :nope(1)
    end)
    assert.matches("builders_test.lua$", err.script)
    assert.is_number(err.line)
  end)

  it("that is missing is found by create()", function()
    says("product: name is missing", function() new_product():create() end)
  end)
end)

describe("request options", function()
  it("with one idempotency key create one object", function()
    local first = new_product():name("x"):with { idempotency_key = "key-1" }:create()
    assert.equals(first, new_product():name("x"):with { idempotency_key = "key-1" }:create())
    assert.has_error(function() new_product():name("y"):with { idempotency_key = "key-1" }:create() end, { kind = "api", status = 400 })
  end)

  it("that do not exist are refused", function()
    assert.error_matches(function() new_product():with { idempotncy_key = "k" } end, 'did you mean "idempotency_key"')
    assert.error_matches(function() new_product():with(1) end, "expects a table of request options")
  end)
end)
