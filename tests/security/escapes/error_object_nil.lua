-- what: no error object at all
-- source: Lua 5.1, error with nil
-- expect: error
error()
