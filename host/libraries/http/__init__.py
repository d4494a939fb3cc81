"""``http``: requests to any granted address."""
