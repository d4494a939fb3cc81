-- The life of a subscription: two plans, a trial, a change of plan, a look at what there is, the end.
--
--   python -m host run --simulate lua_scripts/subscription.lua [customers]

local count = tonumber(args[1]) or 3

local product_id = new_product():name("Newsletter"):create()

-- Both plans belong to the same product. A function keeps what they share in one place.
local function plan(amount, interval)
  return new_price()
    :product(product_id)
    :currency("eur")
    :amount(amount)
    :recurring(interval)
    :metadata{plan = interval}
    :create()
end

local monthly, yearly = plan(500, "month"), plan(5000, "year")

-- Some customers, each with a trial on the monthly plan.
local subscriptions = {}
for n = 1, count do
  local customer_id = new_customer()
    :name("Reader " .. n)
    :email("reader" .. n .. "@example.com")
    :payment_method("pm_card_visa")
    :invoice_settings{default_payment_method = "pm_card_visa"}
    :create()
  local subscription = new_subscription()
    :customer(customer_id)
    :add_price(monthly)
    :trial_days(30)
    :metadata("reader", n)
  subscription:create()
  subscriptions[n] = subscription
  print("subscribed", subscription.id, subscription.data.status)
end

-- The first one changes to the yearly plan. Every operation is stripe.<resource>.<operation>.
local first = subscriptions[1]
local item = first.data.items.data[1]
local changed = stripe.subscriptions.update(first.id, {
  items = {{id = item.id, price = yearly}},
  proration_behavior = "none",
})
print("changed   ", changed.id, changed.items.data[1].price.metadata.plan)

-- The last one ends when what is paid for ends.
local last = stripe.subscriptions.update(subscriptions[count].id, {cancel_at_period_end = true})
print("ending    ", last.id, last.cancel_at_period_end)

-- each() goes through all there are, fetching the next page when the loop needs it.
local seen = 0
for subscription in stripe.subscriptions.list{price = monthly, status = "trialing", limit = 2}:each() do
  seen = seen + 1
end
print("monthly   ", seen)

for _, subscription in ipairs(subscriptions) do
  print("cancelled ", subscription.id, stripe.subscriptions.cancel(subscription.id).status)
end
