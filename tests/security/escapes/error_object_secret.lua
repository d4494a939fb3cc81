-- what: the key as error object
-- source: CWE-532
-- expect: error
error(STRIPE_API_KEY)
