"""Calls of an API whose answer goes to a file: ``stripe.quotes.pdf(id, {}, {download = "quote.pdf"})``."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from host.apis.downloads import check_bytes
from host.apis.options import CallOptions
from host.calls.call import DOWNLOAD, Call
from host.errors import CallError
from host.http.message import Request, Response, Send
from host.libraries.fs.downloads import DownloadFile
from host.policy.permissions import Permissions

__all__ = ["download", "to_file"]


def to_file(call: Call, request: Request, options: CallOptions, permissions: Permissions) -> Request:
    """``request``, its answer going to the file that the options name. Raises ``CallError`` where it may not."""
    assert options.download is not None
    assert call.api is not None
    if call.asks is None or call.asks.known:
        assert call.operation is not None
        check_bytes(call.api.catalog, call.operation)
    file = DownloadFile.granted(permissions, options.download, options.max_size)
    call.function = DOWNLOAD
    return replace(request, sink=file)


async def download(send: Send, request: Request, deadline: float) -> Response:
    """The answer to a request of :func:`to_file`, its body in the file. Answers :data:`DOWNLOAD`."""
    file = request.sink
    assert isinstance(file, DownloadFile)
    sent = False
    try:
        await file.open()  # a file that cannot be written is found out before anything is asked
        sent = True
        return await file.finish(await send(request, deadline))
    except CallError as error:
        if request.mutation and error.outcome is None:
            error.outcome = "unknown" if sent else "not_sent"
        raise
    finally:
        await asyncio.shield(file.discard())
