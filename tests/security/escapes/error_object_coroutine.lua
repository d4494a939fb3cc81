-- what: a coroutine as error object
-- source: docs/security.md, threat model
-- expect: error
error(coroutine.create(print))
