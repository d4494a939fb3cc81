-- what: package.loadlib of a system library
-- source: Redis CVE-2022-0543
-- expect: error
local open = package.loadlib("/usr/lib/x86_64-linux-gnu/liblua5.1.so.0", "luaopen_io")
open()
