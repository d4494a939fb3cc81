"""Runs of one host spread over worker processes, which ask the parent for what the host has only once."""
