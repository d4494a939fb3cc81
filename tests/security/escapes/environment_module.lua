-- what: module() makes globals through getfenv
-- source: Lua 5.1 manual, module
-- expect: error
module("x", package.seeall)
