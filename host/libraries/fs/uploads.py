"""Reads files that a script sends in a call of an API or with ``http.*``."""

from __future__ import annotations

import os

from host.errors import InvalidCall
from host.libraries.fs.paths import failure, open_file
from host.policy.permissions import Permissions

__all__ = ["LARGEST_UPLOAD", "read_upload"]

LARGEST_UPLOAD = 64 << 20  # bytes


def read_upload(permissions: Permissions, path: str) -> bytes:
    """The content of the file at ``path``. Raises ``DeniedError`` if reading it is not granted, and ``InvalidCall``."""
    try:
        with os.fdopen(open_file(permissions.check_read(path), os.O_RDONLY), "rb") as file:
            data = file.read(LARGEST_UPLOAD + 1)
    except OSError as error:
        raise failure(path, error) from error
    if len(data) > LARGEST_UPLOAD:
        raise InvalidCall(f"{path} is over {LARGEST_UPLOAD >> 20} MB")
    return data
