-- Secrets: opaque values that can be passed on and joined to text, not read.
local core = ...
local type, getmetatable, to_text, raise, concat = core.type, core.getmetatable, core.to_text, core.raise, core.table.concat

local function secret(parts)
  local value = core.newproxy(core.secret_proto)
  core.set_env(value, { tag = "secret", parts = parts })
  return value
end
core.secret_proto = core.newproxy(true)
local opaque = getmetatable(core.secret_proto)
opaque.__metatable = false
opaque.__tostring = function(self)
  local parts, out = core.secret_parts(self), {}
  if not parts then return "secret" end
  for i = 1, #parts do out[i] = i % 2 == 1 and parts[i] or "[secret]" end
  return concat(out)
end
opaque.__index = function() return nil end
opaque.__newindex = function() raise { kind = "denied", message = "a secret cannot be assigned to" } end
-- Odd places are text, even places are names of secrets.
local function parts_of(value)
  return core.secret_parts(value) or (type(value) == "string" or type(value) == "number") and { to_text(value) }
    or raise { kind = "invalid", message = "a secret can be joined to text only, not to a " .. type(value) }
end
opaque.__concat = function(a, b)
  local left, right, out = parts_of(a), parts_of(b), {}
  for i = 1, #left do out[i] = left[i] end
  out[#out] = out[#out] .. right[1]
  for i = 2, #right do out[#out + 1] = right[i] end
  return secret(out)
end
core.secret = secret
core.globals.STRIPE_API_KEY = secret { "", "stripe", "" }
