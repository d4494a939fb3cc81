-- what: a builder as error object
-- source: docs/security.md, threat model
-- expect: error
error(new_product())
