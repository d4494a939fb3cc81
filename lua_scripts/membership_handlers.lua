-- A membership: who has paid has access, which the customer's metadata says.
--
--   python -m host listen lua_scripts/membership_handlers.lua --simulate

local states = { active = "on", trialing = "on", past_due = "late", unpaid = "late" }

-- What the customer's newest subscription says now, whatever the event says: events may come late, and in any order.
local function standing(customer)
  local subscription = stripe.subscriptions.list{ customer = customer, status = "all", limit = 1 }.data[1]
  return subscription and states[subscription.status] or "off"
end

-- Another handler may write at the same time what it read before: the last one to write looks again.
local function settle(customer)
  repeat
    local state = standing(customer)
    stripe.customers.update(customer, { metadata = { access = state } })
  until standing(customer) == state
end

on("checkout.session.completed", function(event) settle(event.object.customer) end)
on("invoice.paid", function(event) settle(event.object.customer) end)
on("invoice.payment_failed", function(event) settle(event.object.customer) end)
on("customer.subscription.deleted", function(event) settle(event.object.customer) end)

on("charge.refunded", function(event)
  stripe.customers.update(event.object.customer, { metadata = { refunded = event.object.amount_refunded } })
end)
