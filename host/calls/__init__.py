"""The pipeline of one call: check, policy, hold, submit, interpret."""
