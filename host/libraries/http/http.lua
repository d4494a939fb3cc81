-- http.get(url, options) and the other methods. The answer is a table with json(); names of headers ignore case.
local core = ...
local type, rawget, lower, setmetatable = core.type, core.rawget, core.string.lower, core.setmetatable
local ask, raise, decode, tool = core.ask, core.raise, core.decode, core.tool

local function show(answer) return core.inspect(answer) end

local headers_meta = {
  __index = function(headers, name) return type(name) == "string" and rawget(headers, lower(name)) or nil end,
  __tostring = show, __metatable = false,
}

local function answered(answer)
  setmetatable(answer.headers, headers_meta)
  local function json()
    local body, kind = rawget(answer, "body"), answer.headers["content-type"]
    local ok, value = core.pcall(tool, "json.decode", body)
    if ok then return decode(value) end
    raise {
      kind = "unexpected", body = core.string.sub(body, 1, 65536), status = answer.status,
      message = "the body is not JSON but " .. (kind or "of no type") .. ", status " .. core.tostring(answer.status),
    }
  end
  return setmetatable(answer, { __index = { json = json }, __tostring = show })
end

local http = {}
for _, name in core.ipairs { "request", "get", "head", "post", "put", "patch", "delete", "options" } do
  local target = "http." .. name
  http[name] = function(...)
    core.refuse_colon(http, (...), target)
    return answered(ask(target, ...))
  end
end
core.globals.http = http
