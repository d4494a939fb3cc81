-- what: the thread's global table
-- source: Lua 5.1 manual, getfenv(0)
-- expect: error
return getfenv(0)
