-- what: sleeping past the run's deadline
-- source: docs/security.md, threat model
-- expect: timeout
-- timeout: 0.3
sleep(1e6)
