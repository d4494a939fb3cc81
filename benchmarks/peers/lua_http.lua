-- lua-http on cqueues: the nearest thing Lua has of its own. The command line is that of driver.py.
local cqueues = require "cqueues"
local client = require "http.client"
local new_headers = require("http.headers").new
local util = require "http.util"

local asked = { mode = "serial", key = "sk_test_benchmark", concurrency = 32, warmup = 0 }
for i = 1, #arg, 2 do
  asked[arg[i]:gsub("^%-%-", ""):gsub("%-", "_")] = tonumber(arg[i + 1]) or arg[i + 1]
end
local host, port = asked.base_url:match("^http://([^:/]+):(%d+)")
local workers = asked.mode == "serial" and 1 or asked.concurrency
local body = util.dict_to_query({
  name = "Premium Software License",
  description = "A comprehensive software solution",
  ["metadata[category]"] = "software",
})

local function headers(key)
  local all = new_headers()
  all:append(":method", "POST")
  all:append(":scheme", "http")
  all:append(":authority", host .. ":" .. port)
  all:append(":path", "/v1/products")
  all:append("user-agent", "lua-http")
  all:append("authorization", "Bearer " .. asked.key)
  all:append("idempotency-key", key)
  all:append("content-type", "application/x-www-form-urlencoded")
  all:append("content-length", tostring(#body))
  return all
end

local function create(connection, key)
  local stream = assert(connection:new_stream())
  assert(stream:write_headers(headers(key), false))
  assert(stream:write_chunk(body, true))
  local answer = assert(stream:get_headers())
  local text = assert(stream:get_body_as_string())
  assert(answer:get(":status") == "200", text)
  assert(text:match('"id":%s*"([^"]+)"') == "prod_QX7YbWz3kT9m2L", text)
end

-- Each worker keeps one connection, as a pool would; the JSON is searched, not decoded: no decoder comes with Lua.
local connections = {}
local function all(total)
  local loop = cqueues.new()
  for place = 1, workers do
    local share = math.floor(total / workers) + (place <= total % workers and 1 or 0)
    loop:wrap(function()
      connections[place] = connections[place] or assert(client.connect { host = host, port = tonumber(port), tls = false })
      for i = 1, share do
        create(connections[place], ("%d-%d-%d"):format(total, place, i))
      end
    end)
  end
  assert(loop:loop())
end

all(asked.warmup)
local wall, cpu = cqueues.monotime(), os.clock()
all(asked.creates)
wall, cpu = cqueues.monotime() - wall, os.clock() - cpu
local peak = 0
for line in io.lines("/proc/self/status") do
  peak = tonumber(line:match("^VmHWM:%s*(%d+)")) or peak
end
print(('{"us_per_create": %.2f, "rps": %.1f, "cpu_us_per_create": %.2f, "peak_rss_kb": %d, "creates": %d}'):format(
  wall * 1e6 / asked.creates, asked.creates / wall, cpu * 1e6 / asked.creates, peak, asked.creates))
