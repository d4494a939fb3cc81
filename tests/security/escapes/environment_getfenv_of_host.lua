-- what: the environment of a host function
-- source: lua-users wiki, SandBoxes
-- expect: error
return getfenv(print)
