-- package: what of it does no harm. `loaded` is what require keeps, `path` is looked through below the script's folder.
local core = ...
local package = { loaded = core.loaded, preload = {}, path = "./?.lua;./?/init.lua", cpath = "", config = "/\n;\n?\n!\n-\n" }
core.packages = package
core.globals.package = package
