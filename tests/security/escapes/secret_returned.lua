-- what: the key as the script's value
-- source: CWE-200
-- expect: any
return STRIPE_API_KEY
