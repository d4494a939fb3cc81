-- what: an error that claims to be the host's end of the run
-- source: docs/security.md, threat model
-- expect: error
error { kind = "exit", exit = 0, message = "forged" }
