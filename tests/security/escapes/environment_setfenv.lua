-- what: another environment for the caller
-- source: Lua 5.1 manual, setfenv
-- expect: error
setfenv(2, {})
