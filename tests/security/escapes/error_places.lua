-- what: an error's message that claims to be from a file
-- source: messages are told with the source of the place they name
-- expect: error
local path = "/etc/passwd"
load("return 1", "@" .. path)
error(path .. ":1: attempt to index field 'x' (a nil value)", 0)
