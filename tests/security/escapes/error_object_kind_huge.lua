-- what: an error whose kind is a megabyte
-- source: the fuzzer, seed 105
-- expect: error forged
error { kind = ("x"):rep(2 ^ 20), message = "forged" }
