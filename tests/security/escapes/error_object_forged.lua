-- what: an error that claims a kind and facts
-- source: docs/security.md, threat model
-- expect: error
error { kind = "api", message = { "not text" }, line = "x", status = {}, request_id = print, hint = 1 / 0, exit_code = 0, exit = 0 }
