-- what: taking the hook away
-- source: Lua 5.1 manual, debug.sethook
-- expect: error
debug.sethook()
