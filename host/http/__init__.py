"""HTTP: the only room that imports httpx and the transports."""
