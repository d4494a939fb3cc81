"""What a TLS connection trusts."""

from __future__ import annotations

import os
import ssl

__all__ = ["client_context"]


def client_context(verify: bool, roots: bytes | None) -> ssl.SSLContext:
    """A context for clients: the system's certificates (certifi's where it has none), and ``roots`` (PEM)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    paths = ssl.get_default_verify_paths()
    found = (paths.cafile and os.path.isfile(paths.cafile)) or (
        paths.capath and os.path.isdir(paths.capath) and os.listdir(paths.capath)
    )
    if found:
        context.set_default_verify_paths()
    else:
        import certifi  # slow to read: only where the system has no certificates

        context.load_verify_locations(certifi.where())
    if roots:
        context.load_verify_locations(cadata=roots.decode("ascii"))
    return context
