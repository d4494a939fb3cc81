-- sql: the granted database, or sql.connect(name) if there are several. A transaction ends with its function.
local core = ...
local type, pcall, error, setmetatable = core.type, core.pcall, core.error, core.setmetatable
local ask, raise, encode_list = core.ask, core.raise, core.encode_list
local FUNCTION = 5 -- protocol

-- Rolls back without raising. Waits for the end if the task may still wait, else leaves it to the host.
local function give_up(place)
  if core.run.dead then return end -- the host rolls back open transactions
  if not core.run.current.cancelled then
    pcall(ask, "sql.rollback", place)
    return
  end
  core.call_later(FUNCTION, "sql.rollback", encode_list(1, place), function() end)
end

local function finish(place, tx, ok, ...)
  if ok then
    local done, why = pcall(ask, "sql.commit", place)
    tx.ended = true
    if done then return ... end
    give_up(place)
    return error(why, 0)
  end
  tx.ended = true
  give_up(place)
  return error((...), 0)
end

local function database(where)
  local db = {}
  function db.query(...) return ask("sql.query", where, ...) end
  function db.execute(...) return ask("sql.execute", where, ...) end
  return db
end

-- db:query(…) and db.query(…) are the same.
local function either_way(db)
  for name, fn in core.pairs(db) do
    db[name] = function(self, ...)
      if self == db then return fn(...) end
      return fn(self, ...)
    end
  end
  return db
end

local function transaction(where, fn)
  if type(fn) ~= "function" then
    raise { kind = "invalid", message = "sql.transaction expects a function, got " .. (fn == nil and "nothing" or "a " .. type(fn)) }
  end
  local place = { tx = ask("sql.begin", where) }
  local tx = { ended = false }
  local given = either_way(database(place))
  return finish(place, tx, pcall(fn, given))
end

local function full(where)
  local db = database(where)
  function db.transaction(fn) return transaction(where, fn) end
  return db
end

local sql = full(core.NULL)
for name, fn in core.pairs(sql) do
  sql[name] = function(...)
    core.refuse_colon(sql, (...), "sql." .. name)
    return fn(...)
  end
end
function sql.connect(where)
  return setmetatable(either_way(full(ask("sql.connect", where))), { __metatable = false, __tostring = function() return "database " .. where end })
end
core.globals.sql = sql
