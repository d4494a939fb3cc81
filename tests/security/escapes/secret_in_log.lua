-- what: the key in log lines
-- source: CWE-532
-- expect: ok
log.info(STRIPE_API_KEY, { STRIPE_API_KEY }, "x" .. STRIPE_API_KEY)
log.error(tostring(STRIPE_API_KEY))
return "ok"
