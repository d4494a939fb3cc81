"""Runs on many machines: submitted to a queue in PostgreSQL, run by workers, recorded in the same database."""
