"""Runs that are done elsewhere, in another process or on another machine: their job, limits and result on the way."""
