"""Inbound HTTP: an ASGI application on a port."""
