"""One run of one script."""
