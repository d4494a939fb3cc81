-- package, without the functions that could do harm. `loaded` is what require keeps, `path` is searched below the script's folder.
local core = ...
local package = { loaded = core.loaded, preload = {}, path = "./?.lua;./?/init.lua", cpath = "", config = "/\n;\n?\n!\n-\n" }
core.packages = package
core.globals.package = package
