-- The steps of docs/tutorial.md, each by its name:
--
--   python -m host run lua_scripts/membership.lua [open] | month CUSTOMER | lose_card CUSTOMER | leave CUSTOMER

local steps = {}

-- A plan, a customer whose time we can turn on, and a checkout session for the two.
function steps.open()
  local clock = stripe.test_helpers.test_clocks.create{ frozen_time = 1893456000 }
  local customer = stripe.customers.create{ email = "jenny@example.com", test_clock = clock.id }
  local product = stripe.products.create{ name = "Membership" }
  local price = stripe.prices.create{
    product = product.id, currency = "usd", unit_amount = 2000, recurring = { interval = "month" },
  }
  local session = stripe.checkout.sessions.create{
    mode = "subscription", customer = customer.id, success_url = "https://example.com/welcome",
    line_items = { { price = price.id, quantity = 1 } },
  }
  print("customer " .. customer.id)
  print("checkout " .. session.url)
  return { customer = customer.id, session = session.id }
end

-- The next month, and the two hours after which its invoice is due.
function steps.month(id)
  local clock = stripe.test_helpers.test_clocks.retrieve(stripe.customers.retrieve(id).test_clock)
  stripe.test_helpers.test_clocks.advance(clock.id, { frozen_time = clock.frozen_time + 31 * 86400 + 7200 })
end

-- The card of the next payments is one that is declined.
function steps.lose_card(id)
  local method = stripe.payment_methods.attach("pm_card_chargeCustomerFail", { customer = id })
  local subscription = stripe.subscriptions.list{ customer = id }.data[1]
  stripe.subscriptions.update(subscription.id, { default_payment_method = method.id })
end

-- The subscription ends, and the last payment is given back.
function steps.leave(id)
  stripe.subscriptions.cancel(stripe.subscriptions.list{ customer = id }.data[1].id)
  for _, charge in ipairs(stripe.charges.list{ customer = id }.data) do
    if charge.paid then
      stripe.refunds.create{ charge = charge.id }
      return
    end
  end
end

local step = steps[args[1] or "open"]
if not step then error("expected a step: open, month, lose_card or leave", 0) end
return step(args[2])
