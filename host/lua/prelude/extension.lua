-- Libraries of the embedding program: their Lua runs in the script's own globals, once, when a name of theirs is used.
local core = ...
local ask, raise, type, setmetatable = core.ask, core.raise, core.type, core.setmetatable
local made = {}

function core.makers.extension(name, source, library)
  local globals = made[library]
  if globals == nil then
    local chunk, message = core.load(source, "=" .. library, "t", core.env)
    if not chunk then raise { kind = "error", message = "the library " .. library .. " does not load: " .. message } end
    globals = chunk {
      call = function(fn, ...) return ask(library .. "." .. fn, ...) end,
      raise = function(facts) raise(setmetatable(facts, nil)) end,
      null = core.NULL,
    }
    if type(globals) ~= "table" then
      raise { kind = "error", message = "the library " .. library .. " returns no table of its names" }
    end
    made[library] = globals
  end
  return globals[name]
end
