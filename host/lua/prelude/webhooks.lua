-- stripe.webhooks: events that came to an endpoint, accepted only if their signature fits.
local core = ...
local type, raise, select, rawget, ipairs = core.type, core.raise, core.select, core.rawget, core.ipairs
local THIN = "v2.core.event"

local function a_text(value, n, what, example)
  if type(value) == "string" and value ~= "" then return value end
  local got = value == nil and "nothing" or value == "" and "an empty text" or "a " .. type(value)
  raise { kind = "invalid", message = "stripe.webhooks.construct_event: expected " .. what .. " as argument " .. n .. " ("
    .. example .. "), got " .. got }
end

-- construct_event(payload, signature, secret or list of secrets [, tolerance in seconds]) gives the event.
local function construct_event(...)
  if select("#", ...) > 4 then
    raise { kind = "invalid", message = "stripe.webhooks.construct_event takes payload, signature, secret and tolerance" }
  end
  local payload, signature, secret, tolerance = ...
  if core.tag_of(payload, "namespace") then
    raise { kind = "invalid", message = "an operation is called with a dot, not a colon: write stripe.webhooks.construct_event(…)" }
  end
  if payload ~= "" then a_text(payload, 1, "the body as it came", "a text") end
  if signature == nil or signature == "" then -- of a request by anybody
    raise { kind = "signature", message = "the request has no Stripe-Signature header",
      hint = "it is argument 2: the header as it came, in any case of its name" }
  end
  a_text(signature, 2, "the Stripe-Signature header", "a text")
  local secrets = type(secret) == "table" and secret or { secret }
  if #secrets == 0 then a_text(nil, 3, "the endpoint's secret", "whsec_…, or a list of them") end
  for _, each in ipairs(secrets) do a_text(each, 3, "the endpoint's secret", "whsec_…, or a list of them") end
  if tolerance ~= nil and (type(tolerance) ~= "number" or not (tolerance > 0)) then
    raise { kind = "invalid", message = "stripe.webhooks.construct_event: expected seconds above 0 as tolerance (math.huge takes any age), got "
      .. (type(tolerance) == "number" and core.tostring(tolerance) or "a " .. type(tolerance)) }
  end
  if tolerance == core.math.huge then tolerance = -1 end
  local refused = core.tool("signature", nil, core.encode_list(4, payload, signature, secrets, tolerance or 0))
  if refused and refused ~= "" then
    local message, hint = core.string.match(refused, "^(%Z*)%z?(.*)$")
    raise { kind = "signature", message = message, hint = hint ~= "" and hint or nil }
  end
  local event = core.decode(core.tool("json.decode", payload))
  if type(event) ~= "table" then raise { kind = "invalid", message = "the signed body is not a JSON object" } end
  if rawget(event, "object") == THIN then
    return core.makers.namespaces(nil, "stripe").v2.core.events.retrieve(event.id)
  end
  return event
end

core.makers.webhooks = function() return construct_event end
