-- what: an error of the host carries no exception object
-- source: Splash, errors raised from Python
-- expect: ok
local ok, err = pcall(stripe.products.retrieve, "prod_none")
assert(not ok and type(err) == "table")
for k, v in next, err do assert(type(v) ~= "userdata" and type(v) ~= "function", tostring(k)) end
assert(err.__traceback__ == nil and err.__cause__ == nil and err.args == nil)
return "ok"
