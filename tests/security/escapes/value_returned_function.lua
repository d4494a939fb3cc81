-- what: the script's value is a function
-- source: docs/security.md, threat model
-- expect: error
return print
