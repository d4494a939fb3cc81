-- what: python.eval of an import
-- source: lupa README, "Restricting Lua access to Python objects"
-- expect: error
return python.eval("__import__('os').getcwd()")
