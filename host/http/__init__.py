"""HTTP: the only package that imports httpx and the transports."""
