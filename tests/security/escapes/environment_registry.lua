-- what: the registry
-- source: Lua 5.1 manual, debug.getregistry
-- expect: error
return debug.getregistry()
