-- A small shop in one script: something to sell, what it costs, someone who buys it, and the money.
--
--   python -m host run --simulate lua_scripts/payment.lua        (no key needed, nothing real happens)
--
-- new_product(), new_price() … start a builder. Each method sets one parameter of the object and gives the
-- builder back, so they chain. create() sends it to the API, waits for the answer and gives the new id.

-- What we sell.
local product = new_product()
  :name("Premium Software License")
  :description("A comprehensive software solution")
  :metadata("category", "software")

local product_id = product:create()
print("product       ", product_id)

-- What it costs. Amounts are in the smallest unit of the currency: 2999 is 29.99 dollars.
local price_id = new_price()
  :product(product_id)
  :currency("usd")
  :amount(2999)
  :recurring("month")
  :create()
print("price         ", price_id)

-- A discount: a quarter off for the first three months.
local coupon_id = new_coupon()
  :name("Launch offer")
  :percent_off(25)
  :duration("repeating")
  :duration_in_months(3)
  :create()
print("coupon        ", coupon_id)

-- Who buys it. pm_card_visa is Stripe's test card; nested parameters take a table.
local customer_id = new_customer()
  :name("Jenny Rosen")
  :email("jenny.rosen@example.com")
  :payment_method("pm_card_visa")
  :invoice_settings{default_payment_method = "pm_card_visa"}
  :create()
print("customer      ", customer_id)

-- The customer subscribes to the price, with the coupon and two weeks free.
local subscription = new_subscription()
  :customer(customer_id)
  :add_price(price_id)
  :coupon(coupon_id)
  :trial_days(14)

-- After create() the builder also has .id and .data, the whole answer as a table.
subscription:create()
print("subscription  ", subscription.id, subscription.data.status)

-- A single payment: first the intent to collect the money, then its confirmation with a card.
local intent = new_payment_intent()
  :customer(customer_id)
  :amount(2999)
  :currency("usd")
  :allowed_payment_method_types{"card"}
  :description("Onboarding")

intent:create()
print("payment intent", intent.id, intent.data.status)

-- Everything an API can do besides creating is a function under its name.
local paid = stripe.payment_intents.confirm(intent.id, {payment_method = "pm_card_visa"})
print("confirmed     ", paid.id, paid.status)
