-- What can go wrong, and how a script deals with it.
--
--   python -m host run --simulate lua_scripts/error_handling.lua
--
-- A call that fails raises an error: a table whose fields say what happened. An error nobody catches ends
-- the script and shows its line. Two ways to catch one: Lua's own pcall, and try.

-- 1. pcall gives false and the error. The API does not know this id.
local ok, err = pcall(stripe.products.retrieve, "prod_nowhere")
print("1", ok, err.kind, err.status, err.code, err.param)

-- 2. try gives the result, or nil and the error.
local product, problem = try(stripe.products.retrieve, "prod_nowhere")
print("2", product, problem.kind, problem.message)

-- 3. A builder's create() is a function like any other. The name is missing: nothing is sent.
local nameless = new_product():description("Nobody told us its name")
ok, err = pcall(nameless.create, nameless)
print("3", ok, err.kind, err.outcome)

-- 4. A mistyped method or a wrong value is found where it stands, before anything is sent.
ok, err = pcall(function() return new_price():curency("usd") end)
print("4", ok, err.kind, err.message)

-- 5. A declined card. What to do depends on the code; outcome says that no money moved. Whatever the API's error has is a
-- field of this one (decline_code, charge, payment_intent …), and body is the whole answer.
local intent = new_payment_intent():amount(1999):currency("usd"):allowed_payment_method_types{"card"}
intent:create()
local _, declined = try(stripe.payment_intents.confirm, intent.id, {payment_method = "pm_card_chargeDeclined"})
print("5", declined.kind, declined.status, declined.type, declined.code, declined.decline_code, declined.outcome)

-- 6. kind tells apart what to do next: "api" is an answer; "network" and "timeout" mean there was none.
local function advice(e)
  if e.kind == "api" and e.code == "card_declined" then
    return "ask for another card"
  elseif e.kind == "network" or e.kind == "timeout" then
    return "try again later"
  end
  return "tell a developer: " .. tostring(e)
end
print("6", advice(declined))

-- 7. The card is replaced and the payment goes through.
local paid = stripe.payment_intents.confirm(intent.id, {payment_method = "pm_card_visa"})
print("7", paid.status)

-- 8. A script's own errors are caught the same way, whatever they are.
ok, err = pcall(error, {reason = "out of stock"})
print("8", ok, err.reason)
