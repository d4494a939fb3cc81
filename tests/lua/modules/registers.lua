-- A module that names itself in package.loaded, as those do that require each other.
local M = {}
package.loaded[...] = M
M.friend = require("modules.registered")
