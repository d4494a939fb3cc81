"""Worker processes that share the runs of one host; what exists once per host stays in the parent."""
