"""Cassettes: a run's requests and their answers, recorded in a file and replayed without sending anything."""
