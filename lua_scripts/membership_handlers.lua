-- A membership: who has paid has access. Each event says what changed; the customer's metadata says where we are.
--
--   python -m host listen lua_scripts/membership_handlers.lua --simulate

local function access(customer, state)
  stripe.customers.update(customer, { metadata = { access = state } })
end

on("checkout.session.completed", function(event) access(event.object.customer, "on") end)

on("invoice.paid", function(event)
  if event.object.billing_reason == "subscription_cycle" then access(event.object.customer, "on") end
end)

on("invoice.payment_failed", function(event)
  if event.object.billing_reason == "subscription_cycle" then access(event.object.customer, "late") end
end)

on("customer.subscription.deleted", function(event) access(event.object.customer, "off") end)

on("charge.refunded", function(event)
  stripe.customers.update(event.object.customer, { metadata = { refunded = event.object.amount_refunded } })
end)
