"""Uploaded files and their contents. https://docs.stripe.com/api/files"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

from host.simulator import resources
from host.simulator.context import Object, RequestContext
from host.simulator.parsing import UploadedFile
from host.simulator.store import INTERNAL

CONTENT = f"{INTERNAL}file_content"
_HOME = "https://files.stripe.com"


def create_file(call: RequestContext) -> Object:
    """Create a file from an upload, and store its content."""
    sent = call.params.get("file")
    facts: dict[str, Any] = sent if isinstance(sent, dict) else {"filename": "file", "size": len(str(sent or ""))}
    content = sent.content if isinstance(sent, UploadedFile) else str(sent or "").encode()
    record = call.put(resources.fresh(call), {"purpose": call.params.get("purpose")})
    record.update(filename=facts["filename"], size=facts["size"], type=facts["filename"].rpartition(".")[2] or None)
    record["url"] = contents_url(call, record["id"])
    kept = {"type": facts.get("type") or "", "content": b64encode(content).decode("ascii")}
    call.backend.store.put(CONTENT, record["id"], kept)
    return call.save("file", record)


def contents_url(call: RequestContext, id: str) -> str:
    """The URL of a file's contents, which can be fetched with the API key."""
    return f"{call.origin or _HOME}/v1/files/{id}/contents"


def file_contents(call: RequestContext) -> bytes:
    """The bytes of a file. https://docs.stripe.com/file-upload#download-file-contents"""
    file = call.load("file", call.path_args["file"], "file")
    kept = call.backend.store.get(CONTENT, file["id"])
    if kept is None:  # the store was written by a version that stored no contents
        call.not_modelled("the content of a file of an earlier version's store", "Upload it again.")
        return b""
    call.headers = {"content-type": kept["type"] or "application/octet-stream"}
    return b64decode(kept["content"])


def create_link(call: RequestContext) -> Object:
    """Create a public link to a file. https://docs.stripe.com/api/file_links"""
    call.load("file", call.params["file"], "file", 400)
    link = call.put(resources.fresh(call), call.params)
    link["url"] = f"https://files.stripe.com/links/{call.backend.ids.new('', 64)}"
    return call.save("file_link", link)


BEHAVIOURS = {"file_links.create": create_link, "files.contents": file_contents, "files.create": create_file}
EFFECTS = {"files.create": {"file"}}
