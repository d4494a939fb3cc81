-- what: the script's value is broken UTF-8
-- source: docs/security.md, threat model
-- expect: any
return "\255\254\0"
