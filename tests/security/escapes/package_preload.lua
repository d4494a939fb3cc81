-- what: package.preload
-- source: lua-users wiki, SandBoxes
-- expect: error
package.preload.x = function() return 1 end
