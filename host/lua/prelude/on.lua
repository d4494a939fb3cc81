-- on(name, handler): what a handler script does about the event it is run for.
local core = ...
local type, raise, run, rawget = core.type, core.raise, core.run, core.rawget
local NAME = 10 -- protocol
local LONGEST = 200 -- characters of a name

local handlers, began, event = {}, false, nil

local function the_event()
  local _, bytes = core.host(NAME, "event")
  local found = bytes and core.decode(bytes)
  if type(found) ~= "table" or type(rawget(found, "type")) ~= "string" then
    raise {
      kind = "invalid", message = "on: there is no event to handle",
      hint = "python -m host listen SCRIPT runs it for each event; from Python, host.run(SCRIPT, globals={\"event\": …})",
    }
  end
  local data = rawget(found, "data")
  if type(data) == "table" and type(rawget(data, "object")) == "table" then found.object = data.object end
  return found
end

-- All that matched, one after the other, once the script's main chunk has ended.
local function handle()
  began = true
  for i = 1, #handlers do handlers[i](event) end
end

local function on(name, handler)
  if type(name) ~= "string" or name == "" then
    raise { kind = "invalid", message = "on expects an event's name, such as \"invoice.paid\" or \"customer.*\", got "
      .. (name == nil and "nothing" or name == "" and "an empty text" or "a " .. type(name)) }
  end
  if #name > LONGEST then raise { kind = "invalid", message = "on: a name of " .. #name .. " characters; expected at most " .. LONGEST } end
  if type(handler) ~= "function" then
    raise { kind = "invalid", message = "on(\"" .. name .. "\", …) expects a function that takes the event, got "
      .. (handler == nil and "nothing" or "a " .. type(handler)) }
  end
  if began then raise { kind = "invalid", message = "on: the handlers run already; say on(…) in the script itself" } end
  if not event then event = the_event() end
  if core.tool("event", nil, core.encode_list(2, name, event.type)) ~= "1" then return end
  handlers[#handlers + 1] = handler
  if #handlers > 1 then return end
  local spawn, main = core.spawn, run.main
  main.waiters = main.waiters or {}
  main.waiters[#main.waiters + 1] = function(task)
    if not task.failed then spawn(handle) end
  end
end

core.globals.on = on
